"""The method in docs/own-method.md is one."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.command_line import words_of
from tests.helpers.places import ROOT

DOCUMENT = (ROOT / "docs" / "own-method.md").read_text()


@pytest.fixture
def spot(tmp_path: Path) -> Path:
    (text,) = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    path = tmp_path / "spot.py"
    path.write_text(text)
    return path


def test_it_keeps_the_contract(bench, spot: Path):
    status, out, _ = bench("check", spot)
    assert status == 0, out


def test_it_learns_from_masks(bench, tmp_path: Path, spot: Path):
    """Wafer maps say which dies failed."""
    words = words_of(
        "--dataset wafer-sim --set wafer-sim.per_class=10 --baselines spot --shots 1 --queries 3 "
        "--ways 3 --episodes 20 --budget 64 --seeds 1 --out"
    )
    status, _, err = bench("run", "--plugin", spot, *words, tmp_path / "out")
    assert status == 0, err
    table = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert table["status"].tolist() == ["ok"]
    words = [*words, tmp_path / "out", "--set", "spot.where=0"]
    status, _, err = bench("run", "--plugin", spot, *words)
    assert status == 0, err
    table = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert len(table) == 2
