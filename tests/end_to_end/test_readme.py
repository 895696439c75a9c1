"""The README cannot rot: its commands exist, its Python runs as shown, and its method of one's own is one."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench.registry.registry import Registry
from tests.helpers.command_line import TINY, words_of
from tests.helpers.places import ROOT

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = sorted({
    command
    for kind, block in BLOCKS
    if kind == "sh"
    for line in block.splitlines()
    for command in re.findall(r"bench .*", line.partition("  #")[0])
})  # fmt: skip


def test_there_are_commands():
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_and_their_options_exist(bench, command: str):
    _, name, *words = shlex.split(command)
    status, out, _ = bench(name, "--help")
    assert status == 0
    for word in words:
        assert not word.startswith("--") or re.search(rf"{word}\b", out), (
            f"{word} is no option of bench {name}"
        )


def test_the_first_commands_and_the_test_command():
    assert "pip install uv && uv run bench run --ways 3 --shots 1,3,5" in README
    assert "pip install uv && uv run pytest" in README
    script = (ROOT / ".ci" / "run").read_text()
    assert re.search(r'^uv run pytest -m ""', script, flags=re.MULTILINE), "with the slow tests"


def python_block(start: str) -> str:
    return next(block for kind, block in BLOCKS if kind == "python" and block.startswith(start))


def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    exec(
        compile(python_block("from fewshot_bench import Request, compare"), "README.md", "exec"), {}
    )
    assert "ci95_low" in capsys.readouterr().out


def test_the_example_for_learn2learn_runs(learn2learn: None):
    names: dict[str, object] = {}
    exec(compile(python_block("from fewshot_bench import Request\n"), "README.md", "exec"), names)
    assert names["images"].shape[0] == 3 * (5 + 15)


def test_the_method_of_ones_own_runs_as_shown(bench, tmp_path: Path):
    path = tmp_path / "histogram.py"
    path.write_text(python_block('"""Grey levels'))
    status, out, _ = bench("check", path)
    assert status == 0, out
    words = (
        *words_of("--baselines histogram,pixels --shots 1 --episodes 50 --out"),
        tmp_path / "out",
    )
    status, _, err = bench("run", "--plugin", path, *words)
    assert status == 0, err
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["status"].tolist() == ["ok", "ok"]


def test_the_rule_of_ones_own_runs_as_shown(bench, tmp_path: Path):
    path = tmp_path / "median.py"
    path.write_text(python_block('"""Median'))
    status, out, _ = bench("check", path)
    assert status == 0, out
    words = words_of("--baselines pixels --rules own,median --shots 3 --episodes 50 --out")
    status, _, err = bench("run", "--plugin", path, *words, tmp_path / "out")
    assert status == 0, err
    table = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert set(table["baseline"]) == {"pixels", "pixels+median"}
    assert set(table["status"]) == {"ok"}


@pytest.fixture
def smooth(tmp_path: Path) -> Path:
    """The README's method that trains."""
    path = tmp_path / "smooth.py"
    path.write_text(python_block('"""Smooth'))
    return path


def test_the_method_that_trains_runs_as_shown(bench, tmp_path: Path, smooth: Path):
    words = (
        "--baselines",
        "smooth",
        *TINY,
        *words_of("--shots 1 --budget 64 --set smooth.learning_rate=0.001"),
    )
    status, _, err = bench("run", "--plugin", smooth, *words, "--out", tmp_path / "out")
    assert status == 0, err
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["images_passed"].tolist() == [64]


@pytest.mark.slow
def test_the_method_that_trains_keeps_the_contract(bench, smooth: Path):
    status, out, _ = bench("check", smooth)
    assert status == 0, out


def test_every_file_of_the_core_has_a_row():
    page = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`([\w/]+\.py|\w+/)`", page))
    core = ROOT / "fewshot_bench"
    files = {path.name for path in core.glob("*.py")} - {"__init__.py", "__main__.py"}
    folders = {
        f"{path.name}/" for path in core.iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert files | folders <= named


def test_every_baseline_and_rule_of_the_project_has_a_row():
    registry = Registry()
    old_names = {"simpleshot", "easyfsl"}
    for name in {*registry.baselines, *registry.rules} - old_names | {"easyfsl"}:
        assert re.search(rf"\| `{name}(:NAME)?` \|", README), name
