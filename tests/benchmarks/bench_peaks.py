"""Peaks of resident memory with very many episodes, each command in a process of its own.

uv run pytest -n0 tests/benchmarks/bench_peaks.py                            # 1,000,000 episodes: an hour
uv run pytest -n0 tests/benchmarks/bench_peaks.py --peak-episodes 100000    # a tenth of them

Where the tables are made, the folder holds records of METHODS methods at SHOTS: one was run, the others have made-up answers.
"""

import dataclasses
import hashlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.records.answered import Answered
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record

METHODS = 6
SHOTS = (1, 5, 10)
BLOCK = 10_000  # episodes whose answers are made up at once
RUNS = {  # classes, images a class, ways, shots, and what is asked
    "3-way 5-shot": (3, 300, 3, "5", "15"),
    "8,000 test images": (8, 1000, 3, "5", "15"),
    "38 ways": (38, 210, 38, "5", "15"),
}
TABLES = {
    "bench leaderboard": ["leaderboard"],
    "bench compare": ["compare", "--reference", "pixels"],
    "bench show": ["show"],
    "bench plot": ["plot"],
    "bench report": ["report"],
}


# A small process waits for the command: a child's peak is never below what its parent held.
WAITER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
_, status, usage = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
print(usage.ru_maxrss)
sys.exit(child.returncode)
"""


def peak(*words: str) -> tuple[float, float]:
    """MiB of resident memory at the most, and seconds, of a command."""
    start = time.perf_counter()
    command = [sys.executable, "-c", WAITER, sys.executable, "-m", "fewshot_bench", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1024, time.perf_counter() - start


def pictures(folder: Path, classes: int, images: int) -> Path:
    """A folder of different small pictures, in one class more, which is trained on."""
    rng = np.random.default_rng(0)
    for label in range(classes + 1):
        of_class = folder / f"class {label:02d}"
        of_class.mkdir(parents=True)
        for number in range(images if label < classes else 20):
            levels = rng.integers(0, 256, (8, 8)) * 0.7 + 255 * 0.3 * label / classes
            Image.fromarray(levels.astype(np.uint8)).save(of_class / f"{number}.png")
    return folder


def run_words(folder: Path, case: tuple[int, int, int, str, str], episodes: int, out: Path):
    classes, _, ways, shots, queries = case
    asked = ["--ways", str(ways), "--shots", shots, "--queries", queries]
    test = ",".join(f"class {label:02d}" for label in range(classes))
    split = ["--test-classes", test, "--train-classes", f"class {classes:02d}"]
    size = ["--episodes", str(episodes), "--baselines", "pixels"]
    return ["run", "--data", str(folder), *split, *asked, *size, "--out", str(out), "--quiet"]


def made_up(results: ResultsFolder, record: Record, method: int) -> None:
    """Keep the record of a method that answers rightly as often as its number says."""
    name = f"method {method}"
    key = hashlib.sha256(f"{name} {record.key}".encode()).hexdigest()[: len(record.key)]
    baseline = dataclasses.replace(record.baseline, name=name, sha256=key)
    training = dataclasses.replace(record.training, key=key)
    made = dataclasses.replace(record, key=key, baseline=baseline, training=training)
    run = results.predictions_of(record).run
    rng = np.random.default_rng(method)

    def answer(writer) -> None:
        for start in range(0, run.count, BLOCK):
            classes_TN = run.draw(start, min(start + BLOCK, run.count)).classes_TN
            true_TA = np.repeat(classes_TN, run.queries // classes_TN.shape[1], axis=1)
            other_TA = rng.integers(0, 3, true_TA.shape)
            is_right_TA = rng.random(true_TA.shape) < 0.5 + 0.05 * method
            writer.add(Answered(np.where(is_right_TA, true_TA, other_TA).astype(np.uint8)))

    results.write(results.with_answers(made, answer))


@pytest.fixture(scope="module")
def episodes(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--peak-episodes"))


@pytest.mark.parametrize("name", RUNS)
def test_peak_of_a_run(name: str, episodes: int, tmp_path: Path, table):
    case = RUNS[name]
    folder = pictures(tmp_path / "data", *case[:2])
    start, _ = peak(*run_words(folder, case, 2, tmp_path / "few"))
    memory, seconds = peak(*run_words(folder, case, episodes, tmp_path / "out"))
    what = f"peak of a run of {episodes:,} episodes, {name}"
    table.add(
        what,
        f"{memory:,.0f} MiB, {seconds:.0f} s",
        f"{start:,.0f} MiB with 2 episodes",
        "< 1,024 MiB",
    )


def test_peaks_of_tables(episodes: int, tmp_path: Path, table):
    out = tmp_path / "out"
    case = (3, 300, 3, ",".join(map(str, SHOTS)), "15")
    folder = pictures(tmp_path / "data", *case[:2])
    memory, seconds = peak(*run_words(folder, case, episodes, out))
    results = ResultsFolder(out)
    for record in list(results):
        for method in range(1, METHODS):
            made_up(results, record, method)
    cells = METHODS * len(SHOTS)
    for name, words in TABLES.items():
        memory, seconds = peak(*words, "--out", str(out))
        what = f"peak of {name}, {cells} cells of {episodes:,} episodes"
        table.add(what, f"{memory:,.0f} MiB, {seconds:.0f} s", "", "< 1,024 MiB")
