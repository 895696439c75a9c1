"""What is published follows from what is kept: the tables from the records, the README's table from the tables."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api, tables

from .front_table import PUBLISHED, ROOT, with_table

FOLDERS = sorted(path.parent for path in PUBLISHED.glob("*/records"))


def test_something_is_published():
    assert "neu-heldout" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_tables_follow_from_the_records_to_the_byte(folder: Path, tmp_path: Path):
    shutil.copytree(folder / "records", tmp_path / "records")
    _, files = api.leaderboard(tmp_path)
    assert {file.name for file in files} <= {file.name for file in folder.glob("*.csv")}
    for file in files:
        assert file.read_bytes() == (folder / file.name).read_bytes(), file.name


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*/comparison.csv")), ids=lambda path: path.parent.name)
def test_the_comparison_follows_from_the_records_to_the_byte(path: Path):
    reference = pd.read_csv(path)["reference"].iloc[0]
    assert tables.text(api.compare(path.parent, reference)) == path.read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_says_how_it_was_made_and_by_which_code(folder: Path):
    commands = (folder / "commands.sh").read_text()
    assert f"results/published/{folder.name}" in commands
    board = pd.read_csv(folder / "leaderboard.csv")
    assert (board["status"] == "ok").all()
    for record in api.Records(folder, write=False):
        assert record.provenance["commit"]
        assert not record.provenance["dirty"], f"{record.stem} was made by an edited checkout"


def test_the_readme_shows_the_table():
    readme = (ROOT / "README.md").read_text()
    assert readme == with_table(readme)
