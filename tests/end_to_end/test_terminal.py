"""What goes to the terminal: tables that fit it, nothing if asked for nothing, and JSON alone if asked for that."""

import json
from pathlib import Path

from tests.helpers.command_line import TINY, words_of
from tests.helpers.plugin_files import plugin

RUN = ("run", *TINY, "--baselines", "pixels,untrained", "--shots", "1,3")


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
        *words_of("--shots 1 --plugin"),
        plugin("raising"),
        *words_of("--baselines raising --out"),
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
