"""How long the command line takes beyond importing torch, with its bytecode compiled: medians of processes that take turns."""

import itertools
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 7
RUN = ("run", "--budget", "300")


def test_startup(tmp_path: Path, table):
    environment = {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    }
    environment["FEWSHOT_BENCH_CACHE"] = str(tmp_path / "cache")

    def seconds(*words: str) -> float:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *words], env=environment, cwd=tmp_path, check=True, capture_output=True
        )
        return time.perf_counter() - start

    def bench(*words: str) -> float:
        return seconds("-m", "fewshot_bench", *words)

    bench(*RUN)  # trains everything once
    more = itertools.count(2001)
    runs = {
        "torch": lambda: seconds("-c", "import torch"),
        "bench --help": lambda: bench("--help"),
        "bench list": lambda: bench("list"),
        "bench run, every cell done": lambda: bench(*RUN),
        "bench run, another shot value, six baselines": lambda: bench(
            *RUN, "--shots", str(next(more) - 1991)
        ),
        "bench run, more episodes, six baselines": lambda: bench(
            *RUN, "--shots", "1", "--episodes", str(next(more))
        ),
    }
    taken = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            if "more episodes" in name or "another" in name:
                subprocess.run(
                    ["rm", "-rf", tmp_path / "results" / "records"], check=True
                )  # the trainings stay
            taken[name].append(run())
        bench(*RUN)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    goals = {"bench --help": 0.4, "bench list": 0.5, "bench run, every cell done": 1.0}
    for name, median in medians.items():
        if name == "bench --help":
            table.add(name, f"{median:.2f} s", "", "< 0.4 s")
        elif name != "torch":
            beside = f"{median:.2f} s and {medians['torch']:.2f} s"
            table.add(
                f"{name}, beyond importing torch",
                f"{median - medians['torch']:.2f} s",
                beside,
                f"<= {goals.get(name, 2.0)} s",
            )
