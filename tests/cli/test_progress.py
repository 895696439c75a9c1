"""Progress and accuracies so far: bars and a table on a terminal, and plain lines where there is none."""

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from fewshot_bench import api
from fewshot_bench.cli import progress
from fewshot_bench.cli.bars import MOST_BARS
from fewshot_bench.cli.progress import LineWatch, LiveWatch, watch_on
from fewshot_bench.cli.standings_table import standings_table
from fewshot_bench.data.reading import Reading, listening, tell_reading
from fewshot_bench.engine.progress import Progress
from fewshot_bench.leaderboard.standings import Standing, Standings
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import QUICK

Steps = list[Progress]
LINES_OF_TERMINAL = 20


def terminal(*, is_terminal: bool = True) -> Console:
    return Console(
        file=io.StringIO(),
        width=100,
        height=50,
        force_terminal=is_terminal,
        force_interactive=is_terminal,
    )


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def recorded(out: Path, plugins: list[Path] | None = None, **changes: object) -> Steps:
    """The steps of a run of `QUICK` with these changes."""
    steps: Steps = []
    request = dataclasses.replace(QUICK, **changes)  # type: ignore[arg-type]
    api.run(request, out, plugins=plugins or [], notify=steps.append)
    return steps


def shown_lines(out: Path, steps: Steps) -> list[str]:
    """What is printed for these steps where there is no terminal, but for what takes long.

    Without the two lines with which a run begins.
    """
    console = terminal(is_terminal=False)
    with watch_on(console, Standings(out)) as watch:
        for step in steps:
            watch(step)
    lines = printed(console).splitlines()[2:]
    return [line for line in lines if not line.endswith("...")]


def shown_table(out: Path, steps: Steps) -> list[str]:
    """The rows of the last table on a terminal, and the line below it."""
    console = terminal()
    with watch_on(console, Standings(out)) as watch:
        assert isinstance(watch, LiveWatch)
        for step in steps:
            watch(step)
        with console.capture() as capture:
            console.print(watch.view())
    lines = capture.get().splitlines()
    return [line for line in lines if line.startswith("│") or "done" in line]


def percent_of(steps: Steps, out: Path) -> list[str]:
    """The accuracy of each record of these steps with its interval, as tables show it."""
    texts = []
    for step in steps:
        if step.record is not None:
            estimate = Standings(out).accuracy_of(step.record)
            assert estimate is not None
            half_width = (estimate.high - estimate.low) / 2
            texts.append(f"{100 * estimate.accuracy:.1f} +- {100 * half_width:.1f}")
    return texts


def test_bars_tell_the_time_that_is_left_in_every_stage():
    console = terminal()
    with LiveWatch(console) as watch:
        for stage in ("train", "embed", "score"):
            for done in range(0, 1001, 10):
                watch(Progress("protonet", "", stage, done, 1000, "loss 1.0"))
            assert watch.bars.progress.tasks[-1].time_remaining == 0
            assert f"protonet: {stage}" in watch.bars.progress.tasks[-1].description
        watch(Progress("protonet", "", "done", note="ok"))
        assert not watch.bars.progress.tasks
    assert "protonet: ok" in printed(console)


def test_trainings_at_once_have_a_bar_each_in_the_order_in_which_they_began():
    with LiveWatch(terminal()) as watch:
        names = [f"seed {seed}" for seed in range(1, MOST_BARS + 3)]
        watch(Progress("other", "", "wait", note="process 1 works on it"))
        for name in names:
            watch(Progress("protonet", name, "start"))
        for done in (10, 20):
            for name in names:
                watch(Progress("protonet", name, "train", done, 100))
        watch(Progress("protonet", "seed 1", "embed", 1, 10))
        tasks = watch.bars.progress.tasks
        assert [task.description for task in tasks[:2]] == [
            "protonet (seed 1): embed",
            "protonet (seed 2): train",
        ]
        assert [task.completed for task in tasks[:2]] == [1, 20]
        assert len(tasks) == len(names)
        shown = terminal()
        shown.print(watch.view())
        lines = printed(shown).splitlines()
        assert len(lines) == MOST_BARS + 1 == watch.bars.lines
        assert lines[-1] == "and 2 more trainings"
        for name in names[2:]:
            watch(Progress("protonet", name, "done", note="ok"))
        assert [task.visible for task in watch.bars.progress.tasks] == [True, True]


def test_lines_of_trainings_at_once_do_not_repeat():
    console = terminal(is_terminal=False)
    with watch_on(console) as watch:
        for done in range(0, 1001, 100):
            for name in ("seed 1", "seed 2"):
                watch(Progress("protonet", name, "train", done, 1000))
    assert printed(console).splitlines() == [
        "protonet (seed 1): train ...",
        "protonet (seed 2): train ...",
    ]


def test_a_line_for_each_training_where_no_accuracies_are_asked_for():
    console = terminal(is_terminal=False)
    with watch_on(console) as watch:
        for done in range(0, 1001, 100):
            watch(Progress("protonet", "seed 1", "train", done, 1000))
        watch(Progress("protonet", "seed 1", "done", note="ok"))
    assert printed(console) == "protonet (seed 1): train ...\nprotonet (seed 1): ok\n"


def test_the_table_fills_in(tmp_path: Path):
    paths = [plugin("by_rule"), plugin("raising")]
    steps = recorded(tmp_path, paths, baselines=["pixels", "by_rule", "raising"])
    cells = [step for step in steps if step.record is not None]
    of_pixels = percent_of(cells[:2], tmp_path)
    of_rule = percent_of(cells[2:4], tmp_path)
    until = steps.index(cells[1]) + 1
    assert shown_table(tmp_path, steps[:until]) == [
        f"│ pixels   │ {' │ '.join(of_pixels)} │",
        "2 of 6 cells done",
    ]
    widths = [max(map(len, texts)) for texts in zip(of_pixels, of_rule, strict=True)]
    lines = []
    for name, texts in (("pixels", of_pixels), ("by_rule", of_rule), ("raising", ["failed"] * 2)):
        cells = [text.ljust(width) for text, width in zip(texts, widths, strict=True)]
        lines.append(f"│ {name:8} │ {' │ '.join(cells)} │")
    assert shown_table(tmp_path, steps) == [*lines, "6 of 6 cells done"]


def test_all_splits_are_one_row_a_baseline(tmp_path: Path):
    steps = recorded(tmp_path, splits="all", shots=[1])
    cells = [step for step in steps if step.record is not None]
    mean = sum(float(text.split()[0]) for text in percent_of(cells[:4], tmp_path)) / 4
    row, below = shown_table(tmp_path, steps[: steps.index(cells[3]) + 1])
    assert "(4 of 20 splits)" in row
    assert float(row.split()[3]) == pytest.approx(mean, abs=0.1)
    assert below.startswith("4 of 20 cells done, about ")
    row, _ = shown_table(tmp_path, steps)
    assert "(20 of 20 splits)" in row


def test_the_table_stays_within_the_terminal():
    rows = [Standing(f"method{i}", "1-shot", 1, "ok", 1, 0, 0.5, 0.4, 0.6) for i in range(30)]
    console = terminal()
    with console.capture() as capture:
        console.print(standings_table(rows, progress.MOST_ROWS))
    lines = capture.get().splitlines()
    assert len(lines) <= LINES_OF_TERMINAL - 2  # there is a bar, and a line below
    assert "(17 more)" in capture.get()
    assert "method29" in capture.get()
    assert "method16" not in capture.get()


def test_a_line_for_each_cell_where_there_is_no_terminal(tmp_path: Path):
    steps = recorded(tmp_path, [plugin("raising")], baselines=["pixels", "raising"])
    texts = percent_of([step for step in steps if step.baseline == "pixels"], tmp_path)
    assert shown_lines(tmp_path, steps) == [
        f"pixels, 1-shot: {texts[0]}",
        f"pixels, 3-shot: {texts[1]}",
        "raising, 1-shot: failed: ValueError: no",
        "raising, 3-shot: failed: ValueError: no",
    ]
    again = recorded(tmp_path, baselines=["pixels"], shots=[1, 2])
    _, text = percent_of(again, tmp_path)
    assert shown_lines(tmp_path, again) == [
        f"pixels, 2-shot: {text}",
    ]


def test_a_run_begins_with_what_it_is_about_and_how_much_is_done(tmp_path: Path):
    begins = []
    for changes in ({"seeds": 1, "shots": [1]}, {"seeds": 2, "shots": [1]}, {"shots": [1]}):
        steps = recorded(tmp_path, **changes)
        console = terminal(is_terminal=False)
        with watch_on(console) as watch:
            watch(steps[0])
        begins.append(printed(console).splitlines())
    about = "steel-sim, steel-sim-heldout, 1 shot: pixels"
    assert begins == [
        [about, "1 training with 1 cell"],
        [
            about,
            "2 trainings with 2 cells, of which 1 training with 1 cell are done already; about 1 s "
            "for the rest",
        ],
        [about, "1 training with 1 cell, all done already"],
    ]


def test_lines_count_the_trainings_that_are_left(tmp_path: Path):
    recorded(tmp_path, seeds=1)
    begin = recorded(tmp_path, seeds=3)[0]
    console = terminal(is_terminal=False)
    with watch_on(console) as watch:
        watch(begin)
        for seed in (1, 2):
            watch(Progress("pixels", f"seed {seed}", "start"))
            for done in (0, 1):
                watch(Progress("pixels", f"seed {seed}", "embed", done, 10))
    assert printed(console).splitlines()[2:] == [
        "[2 of 3] pixels (seed 1): embed ...",
        "[3 of 3] pixels (seed 2): embed ...",
    ]


def test_a_long_stage_tells_now_and_then_how_long_it_takes_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch,
):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    console = terminal(is_terminal=False)
    with watch_on(console) as watch:
        for second in range(0, 70, 2):
            now = 100.0 + second
            tell_reading("decoding", 1000 * second, 70_000)
        now = 1000.0
        for second in range(5):
            now = 1000.0 + second
            watch(Progress("protonet", "", "embed", second, 100))
    assert printed(console).splitlines() == [
        "decoding: 4,000 of 70,000, about 66 s left",
        "decoding: 34,000 of 70,000, about 36 s left",
        "decoding: 64,000 of 70,000, about 6 s left",
        "protonet: embed ...",
        "protonet: embed: 3 of 100, about 2 min left",
    ]


def test_what_is_read_again_begins_anew(monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    console = terminal(is_terminal=False)
    with watch_on(console):
        for start in (100.0, 200.0):  # each takes a second
            now = start
            tell_reading("reading answers", 0, 1)
            now = start + 1
            tell_reading("reading answers", 1, 1)
    assert printed(console) == ""


def test_a_line_says_which_seed_it_is_of(tmp_path: Path):
    steps = recorded(tmp_path, seeds=2, shots=[1])
    lines = [line for line in shown_lines(tmp_path, steps) if "-shot" in line]
    assert [line.partition(": ")[0] for line in lines] == [
        "pixels, 1-shot",
        "pixels, 1-shot, seed 1",
    ]


def test_of_many_cells_each_training_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "MOST_CELL_LINES", 10)
    steps = recorded(tmp_path, splits="all")
    cells = [step for step in steps if step.record is not None]
    means = [text.split()[0] for text in percent_of(cells[:2], tmp_path)]
    lines = shown_lines(tmp_path, steps)
    assert len(lines) == 20
    assert lines[0] == (
        f"pixels, tested on Crazing | Inclusion | Patches: 1-shot {means[0]}, 3-shot {means[1]}"
    )


def test_where_accuracies_took_their_share_of_time_lines_go_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    steps = recorded(tmp_path)
    monkeypatch.setattr(progress, "GRACE", -1.0)
    monkeypatch.setattr(progress, "SHARE", 0.0)

    def forbidden(*_: object) -> None:
        raise AssertionError("an accuracy was computed")

    monkeypatch.setattr(Standings, "accuracy_of", forbidden)
    monkeypatch.setattr(Standings, "compute_one", forbidden)
    assert shown_lines(tmp_path, steps) == [
        "pixels, 1-shot: ok",
        "pixels, 3-shot: ok",
    ]
    assert shown_table(tmp_path, steps) == []


def test_quiet_shows_nothing_and_counts(tmp_path: Path):
    console = Console(file=io.StringIO(), quiet=True, force_terminal=True)
    watch = watch_on(console, Standings(tmp_path))
    assert not isinstance(watch, LineWatch | LiveWatch)
    assert watch.done_text == "nothing"
    with watch:
        watch(Progress("", "", "found", total=4))
        assert watch.done_text == "nothing"
        watch(Progress("pixels", "", "cell", 1, 4))
        watch(Progress("pixels", "", "train", 3, 100))
    assert watch.done_text == "1 of 4 cells"
    assert printed(console) == ""


def test_short_reading_has_a_bar_on_a_terminal_and_no_line_elsewhere():
    console = terminal()
    with LiveWatch(console) as watch:
        for done in (0, 20_000):
            tell_reading("decoding", done, 50_000)
        with console.capture() as capture:
            console.print(watch.view())
        assert "decoding" in capture.get()
        assert "20,000 of 50,000" in capture.get()
    tell_reading("decoding", 50_000, 50_000)  # nobody listens any more
    assert [task.completed for task in watch.bars.progress.tasks] == [20_000]
    elsewhere = io.StringIO()
    with watch_on(Console(file=elsewhere)):
        tell_reading("decoding", 20_000, 50_000)
    assert elsewhere.getvalue() == ""  # it took less than 3 seconds


def test_commands_that_read_a_folder_or_check_a_method_tell_how_far_they_are(tmp_path: Path):
    recorded(tmp_path, baselines=["pixels", "untrained"])
    readings: list[Reading] = []
    with listening(readings.append):
        api.compare(tmp_path, "pixels")
        api.leaderboard(tmp_path)
        api.check("pixels")
    last = {reading.stage: (reading.done, reading.total) for reading in readings}
    assert last["reading records"] == last["reading answers"] == last["rows of the leaderboard"]
    assert last["reading records"] == (4, 4)
    assert last["comparing rows: rankings"] == (1, 1)
    assert last["checking Pixels"] == (17, 17)
