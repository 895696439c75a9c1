"""Several processes on one results folder share the work and end alike."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers.command_line import TINY, words_of
from tests.helpers.plugin_files import plugin


@pytest.mark.slow
def test_runs_at_once_share_the_work_and_end_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    log = tmp_path / "log"
    monkeypatch.setenv("MET_LOG", str(log))
    words = (
        "run",
        *TINY,
        *words_of("--shots 1,2 --seeds 5 --baselines met,pixels --plugin"),
        str(plugin("met")),
    )

    def start(out: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fewshot_bench", *words, "--out", str(out)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    processes = [start(tmp_path / "out") for _ in range(3)]
    told = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    lines = [line.split() for line in log.read_text().splitlines()]
    assert len({seed for seed, _ in lines}) == len(lines) == 5  # each training once
    assert len({pid for _, pid in lines}) > 1, "one process did it all"
    together = (tmp_path / "out" / "leaderboard.csv").read_bytes()
    assert all("met" in out for out, _ in told)
    alone = start(tmp_path / "alone")
    alone.communicate()
    assert alone.returncode == 0
    assert together == (tmp_path / "alone" / "leaderboard.csv").read_bytes()
    assert pd.read_csv(tmp_path / "out" / "leaderboard.csv")["seeds"].tolist() == [5, 5, 5, 5]
    assert not list((tmp_path / "out" / "claims").glob("*.json"))
