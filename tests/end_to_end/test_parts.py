"""`bench parts`: what decides, over the results of one folder or of several."""

import json
from pathlib import Path

from tests.helpers.command_line import TINY, words_of


def test_parts_of_two_folders(bench, tmp_path: Path) -> None:
    words = ("run", *TINY, *words_of("--shots 3 --rules own,unit_mean --baselines"))
    assert bench(*words, "untrained", "--seeds", "3", "--out", tmp_path / "a")[0] == 0
    assert bench(*words, "untrained,lbp", "--out", tmp_path / "b")[0] == 0
    folders = (tmp_path / "a", tmp_path / "b")
    status, out, _ = bench("parts", *folders, "--json")
    assert status == 0
    rows = {row["source"]: row for row in json.loads(out)}
    # three trainings and one of lbp; what both folders have counts once
    assert rows["decision rule"]["comparisons"] == 4
    assert rows["training seed"]["comparisons"] == 6

    status, out, _ = bench("parts", *folders, "--picture", tmp_path / "parts.svg")
    assert status == 0
    assert "decision rule" in out
    assert "95 %, over other trainings" in out
    assert "decision rule" in (tmp_path / "parts.svg").read_text()


def test_mistakes_are_one_line(bench, tmp_path: Path) -> None:
    words = ("run", *TINY, *words_of("--shots 3 --baselines pixels,lbp --out"))
    assert bench(*words, tmp_path / "a")[0] == 0
    status, _, err = bench("parts", tmp_path / "missing")
    assert (status, err.count("\n")) == (2, 1)
    status, _, err = bench("parts", tmp_path / "a", "--picture", tmp_path / "parts.bmp")
    assert (status, err.count("\n")) == (2, 1)
    assert ".png, .svg" in err
