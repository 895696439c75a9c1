"""The methods in docs/extend/method-that-needs-more.md are methods."""

from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.command_line import words_of
from tests.helpers.documents import DOCS, python_file

PAGE = DOCS / "extend" / "method-that-needs-more.md"


def written(name: str, folder: Path) -> Path:
    """The file of the page whose text begins with this name."""
    return python_file(PAGE, name, folder)


@pytest.fixture
def spot(tmp_path: Path) -> Path:
    return written("Spot", tmp_path)


@pytest.mark.parametrize("name", ["Spot", "Kinds", "Means"])
def test_it_keeps_the_contract(bench, tmp_path: Path, name: str):
    status, out, _ = bench("check", written(name, tmp_path))
    assert status == 0, out


def test_one_that_knows_the_kinds_of_defect_answers_without_references(bench, tmp_path: Path):
    words = words_of(
        "--dataset wafer-sim --set wafer-sim.per_class=6 --baselines kinds --shots 0,1 --queries 2 "
        "--ways 3 --episodes 20 --budget 640 --preset scratch --image-size 32 --out"
    )
    kinds = written("Kinds", tmp_path)
    status, _, err = bench("run", "--plugin", kinds, *words, tmp_path / "out")
    assert status == 0, err
    table = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["rule"].tolist() == ["compose", "unit_mean"]


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
