"""Plug-ins from an installed distribution and from a folder on the path, through the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.command_line import words_of
from tests.helpers.places import ROOT

TINY = ("--shots", "1", "--episodes", "30", "--queries", "3")


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the extension of `tests/extension` is really built and installed into."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here, which installs the extension")
    target = tmp_path_factory.mktemp("site")
    words = (
        *words_of("pip install --quiet --no-deps --target"),
        target,
        ROOT / "tests" / "extension",
    )
    done = subprocess.run(
        [uv, *map(str, words), "--python", sys.executable], capture_output=True, text=True
    )
    if done.returncode != 0 and "hatchling" in done.stderr:
        pytest.skip("hatchling cannot be had, which builds the extension")
    assert done.returncode == 0, done.stderr
    return target


def bench_with(site: Path, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    command = [sys.executable, "-m", "fewshot_bench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.mark.slow
def test_an_installed_distribution_brings_a_baseline_a_rule_and_a_data_set(
    installed: Path, tmp_path: Path
):
    listed = bench_with(installed, "list")
    assert listed.returncode == 0, listed.stderr
    for name in ("brightness", "grey-steps", "Grey steps", "grey-steps-heldout", "farthest"):
        assert name in listed.stdout
    assert (
        "forgotten (fewshot_extension.forgotten) cannot be used: ModuleNotFoundError"
        in " ".join(listed.stdout.split())
    )
    done = bench_with(installed, "run", "--protocol", "grey-steps-heldout", "--baselines", "brightness,pixels",
                      "--rules", "own,farthest", *TINY, "--out", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "out" / "leaderboard.csv").set_index("baseline")
    assert rows.loc["brightness", "accuracy"] > 0.95
    assert rows.loc["brightness", "dataset"] == "grey-steps"
    assert rows.loc["brightness+farthest", "status"] == "ok"


def test_a_folder_on_the_path_brings_a_baseline(tmp_path: Path):
    (tmp_path / "baselines").mkdir()
    shutil.copy(
        ROOT / "tests" / "extension" / "fewshot_extension" / "brightness.py",
        tmp_path / "baselines" / "shine.py",
    )
    environment = {**os.environ, "FEWSHOT_BENCH_PATH": str(tmp_path)}
    words = (
        *words_of("run --baselines shine"),
        *TINY,
        *words_of("--set steel-sim.per_class=20 --set steel-sim.side=32"),
    )
    command = [sys.executable, "-m", "fewshot_bench", *words, "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["baseline"].tolist() == ["shine"]


def test_a_folder_on_the_path_that_holds_nothing_is_told(tmp_path: Path):
    environment = {**os.environ, "FEWSHOT_BENCH_PATH": f"{tmp_path}"}
    done = subprocess.run(
        [sys.executable, "-m", "fewshot_bench", "list"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (
        f"$FEWSHOT_BENCH_PATH names {tmp_path}, which has no folder baselines or episodes"
        in done.stderr
    )
