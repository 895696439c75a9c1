"""The files that docs/extend shows are what they say: methods, rules and encoders of one's own."""

from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.command_line import TINY, words_of
from tests.helpers.documents import DOCS, blocks, python_file

EXTEND = DOCS / "extend"
FILES = {
    "Histogram": "baseline.md",
    "Smooth": "baseline.md",
    "Median": "rule.md",
    "Gabor": "encoder.md",
    "Narrow": "encoder.md",
}
TRAINED = {"Smooth", "Narrow"}


def marked(title: str) -> object:
    """The contract of a method that trains takes a minute."""
    return pytest.param(title, marks=pytest.mark.slow if title in TRAINED else ())


@pytest.mark.parametrize("title", [marked(title) for title in FILES])
def test_it_keeps_the_contract(bench, tmp_path: Path, title: str):
    status, out, _ = bench("check", python_file(EXTEND / FILES[title], title, tmp_path))
    assert status == 0, out


@pytest.mark.parametrize("title", ["Histogram", "Gabor"])
def test_a_method_runs_as_shown(bench, tmp_path: Path, title: str):
    path = python_file(EXTEND / FILES[title], title, tmp_path)
    words = words_of(f"--baselines {path.stem},pixels --shots 1 --episodes 50 --out")
    status, _, err = bench("run", "--plugin", path, *words, tmp_path / "out")
    assert status == 0, err
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["status"].tolist() == ["ok", "ok"]


def test_the_rule_runs_as_shown(bench, tmp_path: Path):
    path = python_file(EXTEND / "rule.md", "Median", tmp_path)
    words = words_of("--baselines pixels --rules own,median --shots 3 --episodes 50 --out")
    status, _, err = bench("run", "--plugin", path, *words, tmp_path / "out")
    assert status == 0, err
    table = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert set(table["baseline"]) == {"pixels", "pixels+median"}
    assert set(table["status"]) == {"ok"}


@pytest.mark.parametrize("title", sorted(TRAINED))
def test_a_method_that_trains_runs_as_shown(bench, tmp_path: Path, title: str):
    path = python_file(EXTEND / FILES[title], title, tmp_path)
    rate = f"--set {path.stem}.learning_rate=0.001"
    words = (*TINY, *words_of(f"--baselines {path.stem} --shots 1 --budget 64 {rate} --out"))
    status, _, err = bench("run", "--plugin", path, *words, tmp_path / "out")
    assert status == 0, err
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["images_passed"].tolist() == [64]


@pytest.mark.parametrize("page", sorted(EXTEND.glob("*.md")), ids=lambda page: page.name)
def test_every_page_shows_a_whole_file(page: Path):
    """What the others hold: `test_own_method`, `test_own_pictures`, `test_jobs`, `test_tracking`."""
    whole = [block for block in blocks(page, "python") if block.startswith('"""')]
    assert whole
