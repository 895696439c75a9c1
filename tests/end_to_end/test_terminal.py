"""What goes to the terminal: tables that fit it, nothing if asked for nothing, and JSON alone if asked for that."""

import json
import signal
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.cli.main import stopped_text
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.command_line import TINY, words_of
from tests.helpers.plugin_files import copied, plugin

GOES_ON = stopped_text([])
RUN = ("run", *TINY, "--baselines", "pixels,untrained", "--shots", "1,3")


def test_quiet_tells_nothing_and_json_is_all_there_is_on_standard_output(bench, tmp_path: Path):
    assert bench(*RUN, "--out", tmp_path, "--quiet") == (0, "", "")
    status, out, err = bench(*RUN, "--out", tmp_path, "--json", "--fresh")
    rows = json.loads(out)
    assert status == 0
    assert {row["baseline"] for row in rows} == {"pixels", "untrained"}
    assert len(rows) == 4
    assert "pixels, 1-shot: " in err
    assert bench(*RUN, "--out", tmp_path, "--json", "--quiet") == (0, out, "")
    assert bench("leaderboard", "--out", tmp_path, "--json") == (0, out, "")
    assert bench("compare", "--reference", "pixels", "--out", tmp_path, "--json")[1].startswith("[")
    status, _, err = bench(*RUN, "--out", tmp_path, "--json", "--format", "csv")
    assert (status, err.count("\n")) == (2, 1)
    assert "--json and --format csv are two forms" in err
    status, out, _ = bench("leaderboard", "--out", tmp_path, "--format", "md")
    rows_of_table = [line for line in out.splitlines() if line.startswith("|")]
    assert rows_of_table[0] == "| rank | baseline | ties | rule | 1-shot | 3-shot |"
    assert len(rows_of_table) == 4
    status, out, _ = bench("leaderboard", "--out", tmp_path, "--format", "latex")
    assert (status, out.count("begin{tabular}")) == (0, 1)


def test_what_failed_is_told_however_quiet(bench, tmp_path: Path):
    words = (
        "run",
        *TINY,
        *words_of("--shots 1 --plugin"),
        plugin("raising"),
        *words_of("--baselines raising --out"),
        tmp_path / "out",
    )
    for more in ((), ("--json",)):
        status, out, err = bench(*words, "--quiet", *more)
        assert status == 1
        assert err == "raising, 1 shot, seed 0: failed: ValueError: no\n"
        assert (json.loads(out)[0]["status"] == "failed") if more else out == ""


def test_a_run_that_is_stopped_gives_what_is_done_in_the_form_that_was_asked_for(
    bench, tmp_path: Path
):
    words = ("run", *TINY, "--shots", "1", "--plugin", plugin("stopped"), "--out", tmp_path)
    status, out, err = bench(*words, "--baselines", "stopped", "--json")
    assert (status, out) == (130, "")  # nothing is done, and nothing written
    assert err.splitlines()[-2:] == ["done: nothing", GOES_ON]
    assert not list(tmp_path.glob("*.csv"))

    status, out, err = bench(*words, "--baselines", "pixels,stopped", "--json")
    assert status == 130
    assert [row["baseline"] for row in json.loads(out)] == ["pixels"]
    assert err.splitlines()[-2:] == ["done: 1 of 2 cells", GOES_ON]
    assert (tmp_path / "leaderboard.csv").is_file()

    status, out, err = bench(*words, "--baselines", "pixels,stopped", "--quiet")
    assert (status, out) == (130, "")
    assert err.splitlines() == ["done: 1 of 2 cells", GOES_ON]

    # differences to a reference that has no result yet are left out
    status, out, err = bench(*words, "--baselines", "pixels,stopped", "--reference", "stopped")
    assert status == 130
    assert "1-shot" in out
    assert "verdict" not in out


def test_a_signal_that_comes_twice_does_not_end_the_writing_of_what_is_done(
    bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stop = {"raise KeyboardInterrupt": 'sys.modules["signal"].raise_signal(15)'}
    path = copied("stopped", tmp_path / "terminated.py", {**stop, '"""\n\n': '"""\n\nimport sys\n'})
    write_tables = api.write_tables

    def write_and_hear_again(folder: ResultsFolder) -> tuple[pd.DataFrame, list[Path]]:
        signal.raise_signal(signal.SIGTERM)
        return write_tables(folder)

    monkeypatch.setattr(api, "write_tables", write_and_hear_again)
    words = ("run", *TINY, "--shots", "1", "--plugin", path, "--out", tmp_path / "out")
    status, out, err = bench(*words, "--baselines", "pixels,terminated", "--format", "csv")
    assert status == 130
    assert len(out.splitlines()) == 2
    assert err.splitlines()[-2:] == ["done: 1 of 2 cells", GOES_ON]


def test_plots_are_drawn_after_a_run_if_asked_for(bench, tmp_path: Path):
    status, out, _ = bench(*RUN, "--out", tmp_path, "--plots")
    assert status == 0
    drawn = [Path(line) for line in out.splitlines() if line.endswith(".png")]
    assert {path.name.partition("-")[0] for path in drawn} == {
        "accuracy",
        "ranking",
        "recall",
        "confusion",
        "episodes",
        "cost",
    }
    assert all(path.is_file() for path in drawn)


def test_fresh_would_begin_anew():
    assert "the same command goes on" in stopped_text(["bench", "run"])
    assert "the same command, without --fresh, goes on" in stopped_text(["bench", "--fresh"])
