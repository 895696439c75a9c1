"""How often the intervals over pairs cover the truth: `uv run python -m tests.pair_study`.

Draws three Gaussian classes again and again, scores pairs of their images by the distance of their features, and counts how often
the 95 % intervals of accuracy and AUROC hold the mean over all draws.
"""

from __future__ import annotations

import argparse
import itertools
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from fewshot_bench.leaderboard.pair_rows import PairRow
from fewshot_bench.protocols.drawn_pairs import DrawnPairs
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.answered import DIFFERENT, SAME, Answered, ranks_of
from fewshot_bench.records.record import BaselinePart, DataSetPart, Record, TrainingPart

CLASSES, FEATURES = 3, 6
SETTINGS = ((300, 900), (60, 900), (20, 300), (20, 60), (8, 60))  # images of a class, pairs
SPREADS = (0.2, 0.5)  # of a class in each direction; the means are 1 from the origin
UNEVEN = 0.5  # standard deviation of the logarithm of each image's own spread
MEASURES = ("accuracy", "auroc")


def measured(
    seed: int, setting: tuple[int, int], spread: float
) -> dict[str, tuple[float, float, float]]:
    """Each measure of one draw, with its interval."""
    size, count = setting
    labels = np.repeat(np.arange(CLASSES), size)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(len(labels), FEATURES))
    # some images are further off than others: pairs that share an image are alike
    own_spread = spread * np.exp(UNEVEN * rng.normal(size=(len(labels), 1)))
    features = np.eye(CLASSES, FEATURES)[labels] + own_spread * noise
    pool = tuple((start, size) for start in range(0, len(labels), size))
    classes = tuple(tuple(range(first, first + many)) for first, many in pool)
    pairs = DrawnPairs(classes, count, f"{seed:032x}").draw(0, count)
    differences = features[pairs.support_TNK.ravel()] - features[pairs.query_TNQ.ravel()]
    scores_P = -np.linalg.norm(differences, axis=1).astype(np.float32)
    threshold = -np.sqrt(2 * spread**2 * FEATURES + 1)
    predicted_P = np.where(scores_P > threshold, SAME, DIFFERENT).astype(np.uint8)
    ranks_1P = ranks_of(scores_P[None], np.ones((1, count), dtype=np.bool_))
    answered = Answered(predicted_P[:, None], ranks_1P.T)
    row = PairRow([SimpleNamespace(record=_record(pool, count), episodes=pairs, answered=answered)])
    estimates = {"accuracy": row.accuracy, "auroc": row.area}
    return {name: (one.accuracy, one.low, one.high) for name, one in estimates.items()}


def _record(pool: tuple[tuple[int, int], ...], count: int) -> Record:
    names = tuple(f"class {number}" for number in range(len(pool)))
    protocol = Pairs(name="simulated", dataset="simulated", test_classes=names, pairs=count)
    return Record(
        key="", status="ok", shots=1, episodes=count, episodes_digests={}, protocol=protocol, pool=pool,
        dataset=DataSetPart(name="simulated", digest=""), training=TrainingPart(key="", seed=0, version=""),
        baseline=BaselinePart(name="", sha256="", transductive=False, rule="", preset="", settings_given={}, settings={}),
    )  # fmt: skip


def coverage(
    data_sets: int, setting: tuple[int, int], spread: float
) -> dict[str, npt.NDArray[np.float64]]:
    """Of each measure: truth, share of the intervals that hold it, mean width."""
    draws = [measured(seed, setting, spread) for seed in range(data_sets)]
    table = {}
    for name in MEASURES:
        values, lows, highs = np.array([draw[name] for draw in draws]).T
        truth = values.mean()
        covered = np.mean((lows <= truth) & (truth <= highs))
        table[name] = np.array([truth, covered, np.mean(highs - lows)])
    return table


def study(data_sets: int) -> Table:
    """A row a setting, a spread and a measure."""
    table = Table("images a class", "pairs", "spread", "measure", "truth", "covered", "width")
    for setting, spread in track(
        list(itertools.product(SETTINGS, SPREADS)), console=Console(stderr=True)
    ):
        for name, figures in coverage(data_sets, setting, spread).items():
            texts = [f"{100 * figure:.1f}" for figure in figures]
            table.add_row(str(setting[0]), str(setting[1]), str(spread), name, *texts)
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-sets", type=int, default=400)
    Console().print(study(parser.parse_args().data_sets))
