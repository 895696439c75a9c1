"""The README is short, says what a first run prints, and names every method."""

import re

import pandas as pd
import pytest

from fewshot_bench.registry.registry import Registry
from tests.helpers.documents import README, python_block, python_file
from tests.helpers.places import ROOT

TEXT = README.read_text()
LINES = 150
WIDTH = 130  # of a line that is no row of a table


def test_it_is_read_in_a_few_minutes():
    lines = TEXT.splitlines()
    assert len(lines) <= LINES
    assert max(len(line) for line in lines if not line.startswith(("|", "!["))) <= WIDTH


def test_the_first_commands_and_the_test_command():
    assert "pip install uv && uv run bench run --ways 3 --shots 1,3,5" in TEXT
    assert "pip install uv && uv run pytest" in TEXT
    script = (ROOT / ".ci" / "run").read_text()
    assert re.search(r'^uv run pytest -m ""', script, flags=re.MULTILINE), "with the slow tests"


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = python_block(README, "import fewshot_bench as fb")
    assert len(code.splitlines()) <= 5
    exec(compile(code, "README.md", "exec"), {})
    assert "ci95_low" in capsys.readouterr().out


def test_the_method_in_one_file_runs_as_shown(bench, tmp_path):
    path = python_file(README, "Brightness", tmp_path)
    status, out, _ = bench("check", path)
    assert status == 0, out
    words = ("--baselines", "brightness,pixels", "--shots", "1", "--episodes", "50")
    status, _, err = bench("run", "--plugin", path, *words, "--out", tmp_path / "out")
    assert status == 0, err
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize("kind", ["baselines", "rules"])
def test_every_baseline_and_rule_of_the_project_is_named(kind: str):
    registry = Registry()
    old_names = {"simpleshot", "easyfsl"}
    names = {"baselines": registry.baselines, "rules": registry.rules}[kind]
    for name in set(names) - old_names:
        assert re.search(rf"`{name}(:NAME)?`", TEXT), name
