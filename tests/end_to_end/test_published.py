"""What is published follows from what is kept: the tables from the records, the tables of the pages from these."""

import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.leaderboard import tables
from tests.helpers.places import ROOT
from tests.published_tables import PAGES, PUBLISHED, TABLE, with_tables

FOLDERS = sorted(path.parent for path in PUBLISHED.glob("*/records"))


def test_something_is_published():
    assert "neu-heldout-methods" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_tables_follow_from_the_records_to_the_byte(folder: Path, tmp_path: Path):
    shutil.copytree(folder / "records", tmp_path / "records")
    _, files = api.rebuild(tmp_path)
    assert {file.name for file in files} <= {file.name for file in folder.glob("*.csv")}
    for file in files:
        assert file.read_bytes() == (folder / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    "path", sorted(PUBLISHED.glob("*/comparison.csv")), ids=lambda path: path.parent.name
)
def test_the_comparison_follows_from_the_records_to_the_byte(path: Path):
    reference = pd.read_csv(path)["reference"].iloc[0]
    assert tables.csv_text(api.compare(path.parent, reference)) == path.read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_command_that_is_kept_made_every_record_by_unedited_code(folder: Path):
    script = (folder / "commands.sh").read_text().replace("\\\n", "")
    assert f"out=results/published/{folder.name}\n" in script
    lines = [
        line.replace("$out", folder.name)
        for line in script.splitlines()
        if line.startswith("uv run bench run ")
    ]
    kept = [
        [Path(word).name for word in shlex.split(line)[3:]] for line in lines
    ]  # as a record keeps paths
    assert (pd.read_csv(folder / "leaderboard.csv")["status"] == "ok").all()
    for record in api.ResultsFolder(folder, write=False):
        assert list(record.provenance.argv[1:]) in kept, record.stem
        assert record.provenance.commit
        assert not record.provenance.dirty, f"{record.stem} was made by an edited checkout"


@pytest.mark.parametrize("name", sorted({path.name for path in PUBLISHED.glob("*/*.csv")}))
def test_every_column_is_explained(name: str):
    explained = set(re.findall(r"`([^`]+)`", (ROOT / "docs" / "columns.md").read_text()))
    for path in PUBLISHED.glob(f"*/{name}"):
        for column in pd.read_csv(path, nrows=0).columns:
            size = re.sub(
                r"^\d+", "1" if column.endswith("-shot") else "10", column
            )  # one name for all shot values
            assert size in explained, f"{column} of {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_show_the_tables(page: Path):
    text = page.read_text()
    assert TABLE.search(text)
    assert text == with_tables(text), "uv run python -m tests.published_tables writes them"
