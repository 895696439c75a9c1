"""How often the intervals cover the truth: the full form of the tests' simulations.

    uv run python tests/coverage_study.py                       # simulated features
    uv run python tests/coverage_study.py EMBEDDINGS EMBEDDINGS  # features of two baselines, from results/embeddings/

Draws a fresh data set again and again, puts the same 3-way episodes to nearest prototypes, and counts how often the 95 %
intervals hold the mean over all draws. From real features, images are drawn with replacement within their class and moved by
a little noise (a tenth of the class's spread), so that copies of an image do not sit in support and query at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table
from safetensors.numpy import load_file

from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.protocols.split import DrawnRuns
from fewshot_bench.seeds import digest
from fewshot_bench.stats import differences
from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness, Design
from tests.helpers.prototypes import nearest_ways

CLASSES, IMAGES, QUERIES = 3, 300, 15
JITTER = 0.1  # of the standard deviation of a feature within its class
Features = npt.NDArray[np.float32]


def simulated(rng: np.random.Generator, error_free: float) -> Iterator[tuple[Features, Features]]:
    """Gaussian classes seen by two baselines, the second with more noise; error_free scales how far classes lie apart."""
    labels = np.repeat(np.arange(CLASSES), IMAGES)
    while True:
        own = error_free * np.eye(CLASSES, 16)[labels] + 0.5 * rng.normal(size=(len(labels), 16))
        yield own.astype(np.float32), (own + 0.25 * rng.normal(size=own.shape)).astype(np.float32)


def redrawn(
    rng: np.random.Generator, first: Features, second: Features
) -> Iterator[tuple[Features, Features]]:
    """Two baselines' features of the same images, drawn with replacement within each class."""
    count = len(first) // CLASSES
    while True:
        at = (
            np.arange(CLASSES)[:, None] * count + rng.integers(0, count, (CLASSES, IMAGES))
        ).ravel()
        yield tuple(_moved(rng, features, at, count) for features in (first, second))  # type: ignore[misc]


def _moved(
    rng: np.random.Generator, features: Features, at: npt.NDArray[np.int64], count: int
) -> Features:
    spread = features.reshape(CLASSES, count, -1).std(1).repeat(IMAGES, axis=0)
    return (features[at] + JITTER * spread * rng.normal(size=spread.shape)).astype(np.float32)


def study(
    source: Iterator[tuple[Features, Features]], shots: int, episodes: int, draws: int
) -> list[str]:
    """One row: accuracy, and of each interval its coverage and mean half-width in points."""
    pool = tuple((label * IMAGES, IMAGES) for label in range(CLASSES))
    drawn = DrawnEpisodes(pool, CLASSES, shots, QUERIES, "coverage").draw(0, episodes)
    labels = np.repeat(np.arange(CLASSES), IMAGES)
    design = Design(drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ, labels)
    single, paired, closed, kinds = [], [], [], set()
    for _ in track(range(draws), description=f"{shots} shots", transient=True):
        correct = []
        for features in next(source):
            ways = nearest_ways(features, drawn)
            correct.append(Correctness(design, [ways == np.arange(CLASSES)[:, None]]))
        found, apart = stats.estimate(correct[0]), differences.difference(*correct)
        half = stats.closed_half_width(correct[0].accuracy_ST[0])
        single.append((found.accuracy, found.low, found.high))
        paired.append((apart.mean, apart.low, apart.high))
        closed.append((found.accuracy, found.accuracy - half, found.accuracy + half))
        kinds |= {found.kind, apart.kind}
    cells = [f"{100 * np.mean([row[0] for row in single]):.1f}"]
    for rows in (single, paired, closed):
        cells += _covered(rows)
    return [*cells, ", ".join(sorted(kinds))]


def study_of_runs(
    source: Iterator[tuple[Features, Features]], train: int, runs: int, draws: int
) -> list[str]:
    """As `study`, of a classification protocol: nearest class means of `train` images, tested on all the others."""
    pool = tuple((label * IMAGES, IMAGES) for label in range(CLASSES))
    labels, weights_C = np.repeat(np.arange(CLASSES), IMAGES), np.full(CLASSES, 1 / CLASSES)
    single, paired, kinds = [], [], set()
    for draw in track(range(draws), description=f"{runs} runs", transient=True):
        drawn = DrawnRuns(pool, train, None, train, digest("coverage", draw)).draw(0, runs)
        design = Design(drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ, labels)
        correct = []
        for features in next(source):
            ways = nearest_ways(features, drawn)
            correct.append(Correctness(design, [ways == np.arange(CLASSES)[:, None]]))
        found = stats.estimate_over_runs(correct[0], weights_C)
        apart = differences.difference_over_runs(correct[0], correct[1], weights_C)
        single.append((found.accuracy, found.low, found.high))
        paired.append((apart.mean, apart.low, apart.high))
        kinds |= {found.kind, apart.kind}
    return [
        f"{100 * np.mean([row[0] for row in single]):.1f}",
        *_covered(single),
        *_covered(paired),
        ", ".join(sorted(kinds)),
    ]


def _covered(rows: list[tuple[float, float, float]]) -> list[str]:
    mean, low, high = np.array(rows).T
    covered = ((low <= mean.mean()) & (mean.mean() <= high)).mean()
    return [
        f"{100 * covered:.1f} %",
        f"{100 * (high - low).mean() / 2:.2f} ({196 * mean.std(ddof=1):.2f})",
    ]


def main() -> None:
    """Print one row a setting."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "embeddings", nargs="*", type=Path, help="two .safetensors of results/embeddings/"
    )
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--episodes", type=int, default=2000)
    asked = parser.parse_args()
    sources: dict[str, Callable[[], Iterator[tuple[Features, Features]]]]
    if asked.embeddings:
        first, second = (load_file(path)["embeddings"] for path in asked.embeddings)
        sources = {"real features": lambda: redrawn(np.random.default_rng(0), first, second)}
    else:
        sources = {
            "simulated": lambda: simulated(np.random.default_rng(0), 1.2),
            "simulated, few errors": lambda: simulated(np.random.default_rng(0), 3.2),
        }
    table = Table("features", "shots", "accuracy", "ci95 covers", "half-width (truth)", "paired covers", "half-width (truth)",
                  "closed covers", "half-width (truth)", "rules")  # fmt: skip
    for name, source in sources.items():
        for shots in (1, 5):
            table.add_row(name, str(shots), *study(source(), shots, asked.episodes, asked.draws))
    Console(width=150).print(table)
    if not asked.embeddings:
        of_runs = Table("train images a class", "runs", "accuracy", "ci95 covers", "half-width (truth)", "paired covers",
                        "half-width (truth)", "rules")  # fmt: skip
        for train, runs in ((10, 1), (10, 3), (10, 10), (240, 10)):
            source = simulated(np.random.default_rng(0), 1.2)
            of_runs.add_row(str(train), str(runs), *study_of_runs(source, train, runs, asked.draws))
        Console(width=150).print(of_runs)


if __name__ == "__main__":
    main()
