"""The reference pages are those of the code: each command, option and column, and what it means."""

import re

import pytest

from fewshot_bench.leaderboard.meanings import MEANINGS, OF_TABLE
from tests.helpers.places import ROOT
from tests.reference import PAGES, TABLES, commands

COMMANDS = commands()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str):
    page = (ROOT / "docs" / name).read_text()
    assert page == PAGES[name](), "uv run python -m tests.reference writes it"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_the_help_shows_is_on_the_page(bench, name: str):
    _, out, _ = bench(name, "--help")
    page = (ROOT / "docs" / "commands.md").read_text()
    shown = set(re.findall(r"^\S?\s+\*?\s*(--[a-z-]+)", out, flags=re.MULTILINE)) - {"--help"}
    assert shown
    for flag in shown:
        assert f"| `{flag}` |" in page, flag


def test_a_meaning_stands_once_and_is_of_a_column_that_is_there():
    shown = {(table.name, column) for table in TABLES for column in table.columns}
    columns = {column for _, column in shown}
    assert set(MEANINGS) <= columns
    for table, meanings in OF_TABLE.items():
        assert set(meanings) <= {column for name, column in shown if name == table}, table
        for column, text in meanings.items():
            assert MEANINGS.get(column) != text, f"{column} of {table} is said twice"
