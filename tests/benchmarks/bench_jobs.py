"""What several jobs cost and bring: trainings that do nothing, and the standard methods, with one job and with two.

uv run --group peers pytest tests/benchmarks/bench_jobs.py                            # 500 empty trainings; a tiny budget on simulated steel
FEWSHOT_BENCH_JOBS="--dataset neu --queries all" uv run --group peers pytest tests/benchmarks/bench_jobs.py -k standard   # on NEU
"""

import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.jobs.options import JobOptions
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import QUICK

EMPTY = int(os.environ.get("FEWSHOT_BENCH_EMPTY", "500"))  # trainings
TINY_RUN = "--budget 300 --set steel-sim.per_class=20 --episodes 100"
PLACES = {
    "in this process": JobOptions(),
    "--jobs 2": JobOptions(jobs=2),
    "--engine dask --jobs 2": JobOptions(engine="dask", jobs=2),
}


@pytest.mark.parametrize("name", PLACES)
def test_trainings_that_do_nothing(tmp_path: Path, table, name: str):
    request = dataclasses.replace(
        QUICK, baselines=["empty"], shots=[1], episodes=5, queries=2, seeds=EMPTY
    )
    ends: list[float] = []
    begun = time.perf_counter()
    outcome = api.run(
        request,
        tmp_path,
        plugins=[plugin("empty")],
        jobs=PLACES[name],
        notify=lambda step: ends.append(time.perf_counter()) if step.stage == "done" else None,
    )
    assert not outcome.failed
    assert len(ends) == EMPTY
    each = 1000 * (ends[-1] - ends[0]) / (EMPTY - 1)
    before = ends[0] - begun
    table.add(
        f"{EMPTY} trainings that do nothing, {name}",
        f"{each:.0f} ms each",
        f"{before:.1f} s until the first ends",
        "< 50 ms",
    )


def test_the_standard_methods(tmp_path: Path, table):
    words = os.environ.get("FEWSHOT_BENCH_JOBS", TINY_RUN).split()
    seconds = {}
    tables = {}
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        command = [sys.executable, "-m", "fewshot_bench", "run", *words, "--jobs", jobs]
        # one thread each in both, so that the bytes are the same
        threads = ["--threads", "1", "--out", str(out)]
        environment = {**os.environ, "FEWSHOT_BENCH_CACHE": str(tmp_path / f"cache{jobs}")}
        begun = time.perf_counter()
        subprocess.run([*command, *threads], check=True, capture_output=True, env=environment)
        seconds[jobs] = time.perf_counter() - begun
        tables[jobs] = (out / "leaderboard.csv").read_bytes()
    assert tables["1"] == tables["2"]
    gain = seconds["1"] / seconds["2"]
    table.add(
        f"bench run {' '.join(words)}, one thread each: --jobs 2",
        f"{seconds['2']:.0f} s, {gain:.2f}x",
        f"{seconds['1']:.0f} s (--jobs 1)",
    )
