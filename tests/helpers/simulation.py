"""Simulated answers to drawn episodes, for what intervals and differences are tested on.

Shapes: T episodes, R runs, N ways, Q queries, M images.
"""

import numpy as np

from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.stats.correctness import Correctness
from fewshot_bench.stats.design import Design
from tests.helpers.prototypes import nearest_ways

# With 300 data sets, a true coverage of 93 to 97 % falls outside these bounds with probability < 1 %.
DATA_SETS = 300
LOW = 0.895


def drawn_design(
    pool, ways: int, shots: int, queries: int | None, episodes: int, seed: str = "x"
) -> Design:
    """Episodes drawn from a pool of (first image, number of images) of each class."""
    drawn = DrawnEpisodes(pool, ways, shots, queries, seed).draw(0, episodes)
    labels = np.repeat(np.arange(len(pool)), [count for _, count in pool])
    return Design(drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ, labels)


def pool_of(classes: int, count: int):
    """A pool of `count` images of each class."""
    return tuple((label * count, count) for label in range(classes))


def answers(
    rng: np.random.Generator, design: Design, spread: float = 1.2, separation: float = 1.0
) -> np.ndarray:
    """Correctness (T, N, Q) of nearest prototypes on fresh Gaussian classes."""
    labels = design.labels_M
    centres = separation * np.eye(labels.max() + 1, 8)
    noise = spread * rng.normal(size=(len(labels), 8)) * 0.6
    features = (centres[labels] + noise).astype(np.float32)
    ways = nearest_ways(features, design)
    return ways == np.arange(design.classes_TN.shape[1])[:, None]


def correctness_of_runs(right_RNQ: np.ndarray, sizes: list[int]) -> Correctness:
    """Every image is a query of every run; `sizes` are the numbers of images of the classes."""
    runs, ways, most = right_RNQ.shape
    starts = np.cumsum([0, *sizes[:-1]])
    query_NQ = np.full((ways, most), -1)
    for label, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        query_NQ[label, :size] = np.arange(start, start + size)
    design = Design(
        classes_TN=np.tile(np.arange(ways), (runs, 1)),
        support_TNK=np.tile(starts[:, None], (runs, 1, 1)),
        query_TNQ=np.tile(query_NQ, (runs, 1, 1)),
        labels_M=np.repeat(np.arange(ways), sizes),
    )
    return Correctness(design, [right_RNQ])
