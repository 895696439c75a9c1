"""Kills real runs (SIGKILL) at random moments and compares what they come to with a run that was left alone.

`uv run python tests/kill_study.py --kills 100`: about half an hour on two processor cores. Each run is started again and
killed again, up to a few times, until it ends by itself; its tables must be the same to the byte.
"""

from __future__ import annotations

import argparse
import itertools
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

# as `bench`, but a training is kept after every step
BENCH = "from fewshot_bench.engine import fitted_baseline; from fewshot_bench.cli.main import main; fitted_baseline.KEEP_EVERY = 0.0; main()"
RUN = (
    "run", "--preset", "scratch", "--set", "steel-sim.per_class=20", "--set", "steel-sim.side=32", "--encoder", "shufflenet_v2_x0_5", "--image-size", "32", "--queries", "5", "--episodes",
    "40", "--shots", "1,3", "--budget", "1200", "--baselines", "pixels,resnet,siamese", "--rules", "own,centred", "--device", "cpu",
)  # fmt: skip
TABLES = ("leaderboard.csv", "leaderboard-wide.csv")
MOST = 4  # times that one run is killed, so that it ends


def start(out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", BENCH, *RUN, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    _, err = process.communicate()
    if process.returncode:
        raise SystemExit(f"a run ended with status {process.returncode}: {err.decode()}")


def stage(out: Path) -> str:
    """How far a killed run had come."""
    records, unfinished = (
        len(list(out.glob("records/**/*.json"))),
        list(out.glob("trainings/*.unfinished.safetensors")),
    )
    if unfinished:
        return "in a training that had been kept"
    return "before any record" if not records else "between trainings"


def kill(out: Path, rng: random.Random, seconds: float) -> str:
    """Start a run, kill it at a random moment, and tell where it was; "ended" where it was faster."""
    process = start(out)
    time.sleep(rng.uniform(0.3, 1.0) * seconds)
    if process.poll() is not None:
        finish(process)
        return "ended"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return stage(out)


def study(folder: Path, kills: int, rng: random.Random) -> Counter[str]:
    """Raises `AssertionError` where a table differs; else how often a run was killed at which stage."""
    begun = time.perf_counter()
    finish(start(folder / "alone"))
    seconds = time.perf_counter() - begun
    expected = {name: (folder / "alone" / name).read_bytes() for name in TABLES}
    found: Counter[str] = Counter()
    for number in itertools.count():
        if found.total() >= kills:
            break
        out = folder / f"killed{number}"
        for _ in range(MOST):
            where = kill(out, rng, seconds)
            if where == "ended":
                break
            found[where] += 1
            if found.total() == kills:
                break
        finish(start(out))
        assert {name: (out / name).read_bytes() for name in TABLES} == expected, (
            f"the tables of {out} differ"
        )
        # what a run was killed while it wrote is swept an hour later, as it may be another process's
        assert not list(out.glob("trainings/*.unfinished.safetensors")), (
            f"{out} keeps an unfinished training"
        )
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for where, times in study(
            Path(temporary), given.kills, random.Random(given.seed)
        ).most_common():
            print(f"{times:4d} {where}")
    print("all tables are the same to the byte")
