"""How often the intervals cover the truth: the full form of the tests' simulations.

    uv run python -m tests.coverage_study                        # simulated features
    uv run python -m tests.coverage_study EMBEDDINGS EMBEDDINGS  # features of two baselines, from results/embeddings/

Draws a fresh data set again and again, puts the same episodes to nearest prototypes, and counts how often the 95 % intervals
hold the mean over all draws, and how often two methods that are equal are called different. From real features, images are
drawn with replacement within their class and moved by a little noise (a tenth of the class's spread), so that copies of an
image do not sit in support and query at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table
from safetensors.numpy import load_file

from fewshot_bench.protocols.episode import DrawnEpisodes, Episodes
from fewshot_bench.protocols.grouped_episodes import GroupedEpisodes
from fewshot_bench.protocols.split import DrawnRuns
from fewshot_bench.seeds import digest
from fewshot_bench.stats import differences, intervals
from fewshot_bench.stats.correctness import Correctness
from fewshot_bench.stats.design import Design
from tests.helpers.prototypes import nearest_ways

CLASSES, IMAGES, QUERIES = 3, 300, 15
SIZES, SHOTS = (7, 8, 12, 20, 50, 300), (1, 3, 5)
JITTER = 0.1  # of the standard deviation of a feature within its class
NOISE = 0.25  # that a method adds to the features of the images
Features = npt.NDArray[np.float32]
Answer = Callable[[Features, Episodes], npt.NDArray[np.integer]]
HEADS = (
    "accuracy",
    "ci95 covers",
    "half-width (truth)",
    "unequal pair",
    "half-width (truth)",
    "equal pair",
    "called different",
)


def simulated(rng: np.random.Generator, error_free: float) -> Iterator[tuple[Features, ...]]:
    """Gaussian classes seen by three methods, the last two equal and with more noise; error_free scales how far classes lie apart."""
    return _simulated(rng, error_free, [IMAGES] * CLASSES)


def _simulated(
    rng: np.random.Generator, error_free: float, sizes: list[int]
) -> Iterator[tuple[Features, ...]]:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    while True:
        own = error_free * np.eye(len(sizes), 16)[labels] + 0.5 * rng.normal(size=(len(labels), 16))
        noisy = [own + NOISE * rng.normal(size=own.shape) for _ in range(2)]
        yield tuple(features.astype(np.float32) for features in (own, *noisy))


def redrawn(
    rng: np.random.Generator, first: Features, second: Features
) -> Iterator[tuple[Features, ...]]:
    """Two baselines' features of the same images, drawn with replacement within each class; the second twice."""
    count = len(first) // CLASSES
    while True:
        drawn = rng.integers(0, count, (CLASSES, IMAGES))
        at = (np.arange(CLASSES)[:, None] * count + drawn).ravel()
        yield tuple(_moved(rng, features, at, count) for features in (first, second, second))


def _moved(
    rng: np.random.Generator, features: Features, at: npt.NDArray[np.int64], count: int
) -> Features:
    spread = features.reshape(CLASSES, count, -1).std(1).repeat(IMAGES, axis=0)
    return (features[at] + JITTER * spread * rng.normal(size=spread.shape)).astype(np.float32)


class Counted:
    """Accuracies and differences of all draws, each with its interval."""

    def __init__(self) -> None:
        self.single: list[tuple[float, float, float]] = []
        self.unequal: list[tuple[float, float, float]] = []
        self.equal: list[tuple[float, float, float]] = []
        self.p: list[float] = []

    def add(
        self,
        estimate: intervals.Estimate,
        unequal: differences.Difference,
        equal: differences.Difference,
    ) -> None:
        """Take the intervals of one draw."""
        self.single.append((estimate.accuracy, estimate.low, estimate.high))
        self.unequal.append((unequal.mean, *unequal.interval(0.95)))
        self.equal.append((equal.mean, *equal.interval(0.95)))
        self.p.append(equal.p)

    @property
    def called_different(self) -> float:
        """The share of draws in which two equal methods differ at 5 %."""
        return float(np.mean(np.array(self.p) < 0.05))

    def cells(self) -> list[str]:
        """The cells of a row, as in `HEADS`."""
        mean = np.mean([row[0] for row in self.single])
        equal, _ = _covered(self.equal, truth=0.0)
        return [
            f"{100 * mean:.1f}",
            *_texts(self.single),
            *_texts(self.unequal),
            f"{100 * equal:.1f} %",
            f"{100 * self.called_different:.1f} %",
        ]


def _covered(
    rows: list[tuple[float, float, float]], truth: float | None = None
) -> tuple[float, float]:
    """(share of the intervals that hold the truth, their mean half-width). truth: None is the mean over all draws."""
    mean, low, high = np.array(rows).T
    value = mean.mean() if truth is None else truth
    return float(((low <= value) & (value <= high)).mean()), float((high - low).mean() / 2)


def _texts(rows: list[tuple[float, float, float]]) -> list[str]:
    covered, half = _covered(rows)
    truth = 1.96 * np.std([row[0] for row in rows], ddof=1)
    return [f"{100 * covered:.1f} %", f"{100 * half:.2f} ({100 * truth:.2f})"]


def study(
    source: Iterator[tuple[Features, ...]], shots: int, episodes: int, draws: int
) -> list[str]:
    """The cells of one row: `IMAGES` images of each of 3 classes, `QUERIES` queries."""
    design, drawn = few_shot([IMAGES] * CLASSES, CLASSES, shots, QUERIES, episodes)
    return count(source, design, drawn, draws).cells()


def few_shot(
    sizes: list[int], ways: int, shots: int, queries: int | None, episodes: int
) -> tuple[Design, Episodes]:
    """Episodes over classes of these sizes."""
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    pool = tuple(zip(starts, sizes, strict=True))
    drawn = DrawnEpisodes(pool, ways, shots, queries, "coverage").draw(0, episodes)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Design(drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ, labels), drawn


def fixed_roles(
    images: int, references: int, shots: int, queries: int, episodes: int
) -> tuple[Design, Episodes]:
    """Episodes in which the first `references` images of each class are never a query, and the others never a reference."""
    _, support = few_shot([references] * CLASSES, CLASSES, shots, 1, episodes)
    _, query = few_shot([images - references] * CLASSES, CLASSES, 1, queries, episodes)
    classes = np.tile(np.arange(CLASSES), (episodes, 1))
    start = images * np.arange(CLASSES)[None, :, None]
    by_class = [np.argsort(one.classes_TN, axis=1)[:, :, None] for one in (support, query)]
    support_TNK = np.take_along_axis(support.support_TNK, by_class[0], 1) % references + start
    query_TNQ = (
        np.take_along_axis(query.query_TNQ, by_class[1], 1) % (images - references)
        + references
        + start
    )
    labels = np.repeat(np.arange(CLASSES), images)
    return Design(classes, support_TNK, query_TNQ, labels), Episodes(
        classes, support_TNK, query_TNQ
    )


def count(
    source: Iterator[tuple[Features, ...]],
    design: Design,
    drawn: Episodes,
    draws: int,
    answer: Answer = nearest_ways,
    seeds: int = 1,
) -> Counted:
    """Put the same episodes to the methods of each draw. seeds: trainings of a method, which differ by noise of their own."""
    counted = Counted()
    right_N = np.arange(design.classes_TN.shape[1])[:, None]
    rng = np.random.default_rng(7)
    for _ in track(range(draws), description="data sets", transient=True):
        answered = []
        for features in next(source):
            trained = [features] if seeds == 1 else [_trained(rng, features) for _ in range(seeds)]
            answered.append(Correctness(design, [answer(one, drawn) == right_N for one in trained]))
        own, first, second = answered
        counted.add(
            intervals.estimate(own),
            differences.difference(own, first),
            differences.difference(first, second),
        )
    return counted


def _trained(rng: np.random.Generator, features: Features) -> Features:
    """One training's features: some of them count for less."""
    return (features * rng.uniform(0.2, 1.0, features.shape[1])).astype(np.float32)


def count_runs(
    source: Iterator[tuple[Features, ...]], images: int, train: int, runs: int, draws: int
) -> Counted:
    """As `count`, of a classification protocol: nearest class means of `train` images, tested on all the others."""
    pool = tuple((label * images, images) for label in range(CLASSES))
    labels, weights_C = np.repeat(np.arange(CLASSES), images), np.full(CLASSES, 1 / CLASSES)
    counted = Counted()
    for draw in track(range(draws), description=f"{runs} runs", transient=True):
        drawn = DrawnRuns(pool, train, None, train, digest("coverage", draw)).draw(0, runs)
        design = Design(drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ, labels)
        answered = []
        for features in next(source):
            answered.append(
                Correctness(design, [nearest_ways(features, drawn) == np.arange(CLASSES)[:, None]])
            )
        own, first, second = answered
        counted.add(
            intervals.estimate_over_runs(own, weights_C, train / images),
            differences.difference_over_runs(own, first, weights_C),
            differences.difference_over_runs(first, second, weights_C),
        )
    return counted


def transductive_ways(features: Features, drawn: Episodes) -> npt.NDArray[np.integer]:
    """Prototypes moved by soft assignments of the queries, five times (Ren et al. 2018, ICLR)."""
    support, query = features[drawn.support_TNK], features[drawn.query_TNQ]
    episodes, ways, queries, size = query.shape
    flat = query.reshape(episodes, ways * queries, size)
    centres = support.mean(2)
    for _ in range(5):
        distances = np.square(flat[:, :, None] - centres[:, None]).sum(-1)
        weights = np.exp(-4 * (distances - distances.min(2, keepdims=True)))
        weights /= weights.sum(2, keepdims=True)
        sums = support.sum(2) + np.einsum("tqn,tqd->tnd", weights, flat)
        centres = sums / (support.shape[2] + weights.sum(1)[:, :, None])
    nearest = np.square(flat[:, :, None] - centres[:, None]).sum(-1).argmin(2)
    return nearest.reshape(episodes, ways, queries)


def grouped(
    groups: int, images: int, shots: int, queries: int | None, episodes: int
) -> tuple[Design, Episodes]:
    """Episodes over 3 classes of `groups` groups of `images` images each, whose support and queries share no group."""
    size = groups * images
    pool = tuple((label * size, size) for label in range(CLASSES))
    groups_M = np.arange(CLASSES * size) // images
    drawn = GroupedEpisodes(
        pool, CLASSES, shots, queries, "coverage", tuple(groups_M.tolist())
    ).draw(0, episodes)
    labels = np.repeat(np.arange(CLASSES), size)
    return Design(drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ, labels, groups_M), drawn


def simulated_groups(
    rng: np.random.Generator, groups: int, images: int
) -> Iterator[tuple[Features, ...]]:
    """As `simulated`, with half of the variance between groups."""
    of_groups = _simulated(rng, 1.2, [groups] * CLASSES)
    while True:
        shared = next(of_groups)
        yield tuple(
            (one.repeat(images, 0) + 0.5 * rng.normal(size=(len(one) * images, 16))).astype(
                np.float32
            )
            for one in shared
        )


def by_size(draws: int, episodes: int) -> Table:
    """Coverage by images a class and shots."""
    table = Table("images a class", "shots", *HEADS)
    for images in SIZES:
        for shots in SHOTS:
            if images >= shots + 2:
                queries = min(QUERIES, images - shots)
                design, drawn = few_shot([images] * CLASSES, CLASSES, shots, queries, episodes)
                source = _simulated(np.random.default_rng(0), 1.2, [images] * CLASSES)
                table.add_row(str(images), str(shots), *count(source, design, drawn, draws).cells())
    return table


def by_design(draws: int) -> Table:
    """Coverage of what else a protocol may be: more ways and shots, all queries, unequal classes, seeds, roles, few episodes."""
    table = Table("design", *HEADS)

    def add(name: str, sizes: list[int], ways: int, shots: int, queries: int | None, episodes: int = 2000, seeds: int = 1,
            error_free: float = 1.2, answer: Answer = nearest_ways) -> None:  # fmt: skip
        design, drawn = few_shot(sizes, ways, shots, queries, episodes)
        source = _simulated(np.random.default_rng(0), error_free, sizes)
        table.add_row(name, *count(source, design, drawn, draws, answer, seeds).cells())

    add("20 images, 5 shots, all queries", [20] * 3, 3, 5, None)
    add("8, 20 and 100 images, 5 shots, all queries", [8, 20, 100], 3, 5, None)
    add("3 ways of 6 classes, 8 images, 5 shots", [8] * 6, 3, 5, 3)
    add("2 ways of 4 classes, 60 images, 1 shot", [60] * 4, 2, 1, 10)
    add("8 ways, 20 images, 5 shots", [20] * 8, 8, 5, 5)
    add("20 images, 10 shots", [20] * 3, 3, 10, 9)
    add("50 images, 20 shots", [50] * 3, 3, 20, 15)
    add("200 episodes, 50 images, 5 shots", [50] * 3, 3, 5, 15, episodes=200)
    add("3 seeds, 20 images, 5 shots", [20] * 3, 3, 5, 15, seeds=3)
    add("few errors, 20 images, 5 shots", [20] * 3, 3, 5, 15, error_free=2.6)
    add("few errors, 300 images, 5 shots", [300] * 3, 3, 5, 15, error_free=2.6)
    for images, references, shots in ((20, 8, 5), (50, 25, 5), (20, 10, 1)):
        design, drawn = fixed_roles(images, references, shots, 5, 2000)
        source = _simulated(np.random.default_rng(0), 1.2, [images] * CLASSES)
        name = f"fixed roles: {references} of {images} images are references, {shots} shots"
        table.add_row(name, *count(source, design, drawn, draws).cells())
    for groups, images, shots in ((12, 5, 1), (12, 5, 5), (30, 10, 5)):
        design, drawn = grouped(groups, images, shots, 10, 2000)
        for name, counted in (
            ("counted as groups", design),
            ("groups counted as images", replace(design, groups_M=None)),
        ):
            source = simulated_groups(np.random.default_rng(0), groups, images)
            cells = count(source, counted, drawn, draws).cells()
            table.add_row(f"{groups} groups of {images} images, {shots} shots, {name}", *cells)
    for images, shots in ((20, 1), (20, 5), (50, 1), (50, 5)):
        name = f"transductive, {images} images, {shots} shots, 600 episodes"
        add(name, [images] * 3, 3, shots, 15, episodes=600, answer=transductive_ways)
    return table


def by_runs(draws: int) -> Table:
    """Coverage in classification protocols."""
    table = Table("images a class", "train images", "runs", *HEADS)
    for images, train in (
        (8, 4),
        (20, 5),
        (20, 10),
        (20, 16),
        (50, 5),
        (50, 40),
        (300, 10),
        (300, 240),
    ):
        for runs in (1, 3, 10):
            source = _simulated(np.random.default_rng(0), 1.2, [images] * CLASSES)
            cells = count_runs(source, images, train, runs, draws).cells()
            table.add_row(str(images), str(train), str(runs), *cells)
    return table


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
    arguments = parser.parse_args()
    console = Console(width=170)
    if arguments.embeddings:
        first, second = (load_file(path)["embeddings"] for path in arguments.embeddings)
        table = Table("shots", *HEADS)
        for shots in SHOTS:
            source = redrawn(np.random.default_rng(0), first, second)
            table.add_row(str(shots), *study(source, shots, arguments.episodes, arguments.draws))
        console.print(table)
        return
    console.print(by_size(arguments.draws, arguments.episodes))
    console.print(by_design(max(100, arguments.draws // 3)))
    console.print(by_runs(max(100, arguments.draws // 3)))


if __name__ == "__main__":
    main()
