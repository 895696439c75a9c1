"""Results travel and compare: machines without a shared disk, and new code against what is published."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.command_line import TINY, words_of
from tests.helpers.records import answer_otherwise, answer_rightly


def test_two_machines_without_a_shared_disk(bench, tmp_path: Path):
    """Each runs its part; merged they are one run, which goes on without training anew."""
    words = ("run", *TINY, *words_of("--shots 1 --baselines"))
    for name, baselines in (("a", "pixels,untrained"), ("b", "untrained,lbp")):
        assert bench(*words, baselines, "--out", tmp_path / name)[0] == 0
    status, out, err = bench("merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "c")
    assert (status, err) == (0, "")
    assert "same: another folder has the record too" in out
    board = pd.read_csv(tmp_path / "c" / "leaderboard.csv")
    assert set(board["baseline"]) == {"pixels", "untrained", "lbp"}
    before = sorted((tmp_path / "c" / "records").rglob("*.json"))
    times = [path.stat().st_mtime_ns for path in before]
    assert bench(*words, "pixels,untrained,lbp", "--out", tmp_path / "c")[0] == 0
    assert [path.stat().st_mtime_ns for path in before] == times, "a cell was computed anew"

    merged = ("merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "c", "--json")
    status, out, _ = bench(*merged)
    rows = json.loads(out)
    assert [row["folder"] for row in rows] == [str(tmp_path / name) for name in "cab"]
    assert [row["kept"] for row in rows] == [3, 0, 0]

    # the same cells with other answers
    answer_otherwise(tmp_path / "b", "untrained", 1)
    kept = {path: path.read_bytes() for path in before}
    status, _, err = bench("merge", tmp_path / "a", tmp_path / "b", "--into", tmp_path / "d")
    assert (status, err.count("\n")) == (2, 1)
    assert str(tmp_path / "a" / "records") in err
    assert str(tmp_path / "b" / "records") in err
    assert not (tmp_path / "d").exists()
    assert bench("merge", tmp_path / "b", "--into", tmp_path / "c")[0] == 2
    assert {path: path.read_bytes() for path in before} == kept


def test_diff_and_its_exit_status(bench, tmp_path: Path):
    words = ("run", *TINY, *words_of("--shots 3 --baselines"))
    assert bench(*words, "pixels,untrained", "--out", tmp_path / "a")[0] == 0
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    folders = (tmp_path / "a", tmp_path / "b")
    every_cause = ("--fail-on", "moved,changed,missing")
    status, out, err = bench("diff", *folders, *every_cause)
    assert (status, err) == (0, "")
    assert "Cells: 2 same bits, 0 changed." in out
    answer_rightly(tmp_path / "b", "untrained")
    assert bench("diff", *folders)[0] == 0
    status, out, err = bench("diff", *folders, "--fail-on", "moved")
    assert (status, err) == (1, "failed: 1 row for --fail-on moved\n")
    assert "moved" in out
    assert bench("diff", *folders, "--fail-on", "missing")[0] == 0
    for path in (tmp_path / "b" / "records").rglob("pixels/*"):
        path.unlink()
    assert bench("diff", *folders, "--fail-on", "missing")[0] == 1
    assert bench("diff", *reversed(folders), "--fail-on", "missing")[0] == 0

    status, out, _ = bench("diff", *folders, "--format", "csv")
    verdicts = [line.split(",")[0] for line in out.splitlines()]
    assert verdicts == ["verdict", "moved", "only in A"]
    status, out, _ = bench("diff", *folders, "--json")
    assert {row["verdict"] for row in json.loads(out)} == {"moved", "only in A"}
    for words, expected in [
        ((folders[0],), "Missing argument"),
        ((*folders, "--fail-on", "bits"), "allowed: moved, changed, missing"),
        ((folders[0], tmp_path / "nowhere"), "unknown folder of results"),
    ]:
        status, _, err = bench("diff", *words)
        assert (status, err.count("\n")) == (2, 1)
        assert expected in err


@pytest.mark.slow
def test_this_code_comes_to_what_is_published(shared_data: Path, tmp_path: Path, bench):
    """A part of `neu-heldout-quick` anew, by this commit and on this machine."""
    command = [sys.executable, "-m", "fewshot_bench", "run", "--protocol", "neu-heldout"]
    words = words_of("--shots 1,3,5 --queries all --quiet --baselines")
    environment = {**os.environ, "FEWSHOT_BENCH_DATA": str(shared_data)}
    for chosen in ("frozen --rules own,ridge,whitened", "pixels,lbp"):
        line = [*command, *words, *words_of(chosen), "--out", str(tmp_path)]
        subprocess.run(line, check=True, env=environment)
    status, out, err = bench("diff", "neu-heldout-quick", tmp_path, "--fail-on", "moved")
    assert status == 0, out + err
    in_both = "0 same bits, 0 changed"
    assert in_both not in out
