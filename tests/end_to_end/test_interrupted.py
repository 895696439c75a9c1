"""Nothing is lost when a run is killed, stopped, or meets a full disk, and what goes on is what would have been."""

import functools
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.command_line import TINY, words_of
from tests.kill_study import study


@pytest.mark.slow
def test_runs_killed_at_random_come_to_the_same_bytes(tmp_path: Path):
    """A short form of `tests/kill_study.py`."""
    assert study(tmp_path, 2, random.Random(1)).total() == 2


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_says_what_is_done_and_how_to_go_on(tmp_path: Path, sent: signal.Signals):
    words = (
        "run",
        *TINY,
        *words_of("--shots 1 --budget 200000 --baselines pixels,resnet --out"),
        str(tmp_path / "out"),
    )
    command = [sys.executable, "-u", "-m", "fewshot_bench", *words]
    heard = functools.partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a shell's background jobs do not hear it
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "resnet: train" in line:
            break
    time.sleep(1)
    begun = time.perf_counter()
    process.send_signal(sent)
    time.sleep(0.1)
    process.send_signal(sent)  # some shells and `uv run` send it twice
    out, err = process.communicate(timeout=30)
    assert time.perf_counter() - begun < 10
    assert process.returncode == 130
    assert err.splitlines() == [
        "done: 1 of 2 cells",
        "stopped; what is done is kept, and the same command goes on from there",
    ]
    assert "│ 1    │ pixels" in out
    assert "leaderboard.csv" in out.splitlines()[-1]
    board = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert board["baseline"].tolist() == ["pixels"]
    assert "resnet" not in [record.baseline.name for record in ResultsFolder(tmp_path / "out")]


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes_in_another_process(tmp_path: Path):
    words = ("run", *TINY, *words_of("--shots 1,2 --budget 200 --baselines scl_amp,siamese --device cpu --encoder shufflenet_v2_x0_5"))  # fmt: skip
    for name in ("one", "two"):
        command = [sys.executable, "-m", "fewshot_bench", *words, "--out", str(tmp_path / name)]
        subprocess.run(command, check=True, capture_output=True)
    one, two = ((tmp_path / name / "leaderboard.csv").read_bytes() for name in ("one", "two"))
    assert one == two
    record = next(iter(ResultsFolder(tmp_path / "one")))
    provenance = record.provenance
    assert all([provenance.threads, provenance.device, provenance.packages])
    assert record.baseline.settings["precision"] in ("float32", "bf16")
