"""What goes to the terminal: tables that fit it, nothing if asked for nothing, and JSON alone if asked for that."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from fewshot_bench import api
from fewshot_bench.cli import tables as board
from fewshot_bench.cli.progress import Watch
from fewshot_bench.engine.schedule import Progress
from tests.helpers.command_line import TINY
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run

RUN = ("run", *TINY, "--baselines", "pixels,untrained", "--shots", "1,3")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> api.Outcome:
    folder = tmp_path_factory.mktemp("terminal")
    return run(folder / "out", baselines=["pixels", "untrained", "lbp"], shots=[1, 2, 3, 5, 8, 10])


def shown(outcome: api.Outcome, width: int) -> list[str]:
    out = io.StringIO()
    board.show_leaderboard(Console(file=out, width=width, markup=False, emoji=False), outcome.table)
    return out.getvalue().splitlines()


def test_a_table_fits_80_columns_and_shows_more_on_wider_ones(outcome: api.Outcome):
    narrow, wider, widest = (shown(outcome, width) for width in (80, 110, 160))
    for lines, width in ((narrow, 80), (wider, 110), (widest, 160)):
        assert max(map(len, lines)) <= width
        text = "\n".join(lines)
        for at in (1, 2, 3, 5, 8, 10):
            assert f"{at}-shot" in text
        for row in outcome.table.to_dict("records"):
            half = (row["ci95_high"] - row["ci95_low"]) / 2
            assert f"{100 * row['accuracy']:.1f} +- {100 * half:.1f}" in text, (
                "no cell is cut or broken"
            )
    assert sum("┃ baseline" in line for line in narrow) == 2, "in two parts"
    assert sum("┃ baseline" in line for line in widest) == 1
    assert "encoder" not in "\n".join(narrow)
    assert "resnet18" in "\n".join(wider)
    assert "mean_cosine" in "\n".join(widest)


def test_quiet_tells_nothing_and_json_is_all_there_is_on_standard_output(bench, tmp_path: Path):
    assert bench(*RUN, "--out", tmp_path, "--quiet") == (0, "", "")
    status, out, err = bench(*RUN, "--out", tmp_path, "--json")
    rows = json.loads(out)
    assert status == 0
    assert {row["baseline"] for row in rows} == {"pixels", "untrained"}
    assert len(rows) == 4
    assert "pixels: ok" in err
    assert bench(*RUN, "--out", tmp_path, "--json", "--quiet") == (0, out, "")
    assert bench("leaderboard", "--out", tmp_path, "--json") == (0, out, "")
    assert bench("compare", "--reference", "pixels", "--out", tmp_path, "--json")[1].startswith("[")
    status, _, err = bench(*RUN, "--out", tmp_path, "--json", "--format", "csv")
    assert (status, err.count("\n")) == (2, 1)
    assert "--json and --format csv are two forms" in err
    status, out, _ = bench("leaderboard", "--out", tmp_path, "--format", "md")
    assert "Crazing \\| Scratches" in out
    assert {line.replace("\\|", "").count("|") for line in out.splitlines()} == {len(rows[0]) + 1}


def test_what_failed_is_told_however_quiet(bench, tmp_path: Path):
    words = (
        "run",
        *TINY,
        "--shots",
        "1",
        "--plugin",
        plugin("raising"),
        "--baselines",
        "raising",
        "--out",
        tmp_path / "out",
    )
    for more in ((), ("--json",)):
        status, out, err = bench(*words, "--quiet", *more)
        assert status == 1
        assert err == "raising, 1 shots, seed 0: failed: ValueError: no\n"
        assert (json.loads(out)[0]["status"] == "failed") if more else out == ""


def test_plots_are_drawn_after_a_run_if_asked_for(bench, tmp_path: Path):
    status, out, _ = bench(*RUN, "--out", tmp_path, "--plots")
    assert status == 0
    drawn = [Path(line) for line in out.splitlines() if line.endswith(".png")]
    assert {path.name.partition("-")[0] for path in drawn} == {
        "accuracy",
        "recall",
        "confusion",
        "episodes",
        "cost",
    }
    assert all(path.is_file() for path in drawn)


def test_progress_tells_the_time_that_is_left_in_every_stage():
    out = io.StringIO()
    with Watch(Console(file=out, width=100, force_terminal=True)) as watch:
        for stage in ("train", "embed", "score"):
            for done in range(0, 1001, 10):
                watch(Progress("protonet", "", stage, done, 1000, "loss 1.0"))
            assert watch.bars.tasks[-1].time_remaining == 0
            assert f"protonet: {stage}" in watch.bars.tasks[-1].description
        watch(Progress("protonet", "", "done", note="ok"))
    assert not watch.bars.tasks
    assert "protonet: ok" in out.getvalue()


def test_plain_lines_where_there_is_no_terminal():
    out = io.StringIO()
    with Watch(Console(file=out, width=100, force_terminal=False)) as watch:
        for done in range(0, 1001, 100):
            watch(Progress("protonet", "seed 1", "train", done, 1000))
        watch(Progress("protonet", "seed 1", "done", note="ok"))
    assert out.getvalue() == "protonet (seed 1): train ...\nprotonet (seed 1): ok\n"
