"""How often the intervals of an open world cover the truth: `uv run python -m tests.open_world_study`.

Draws Gaussian classes again and again: four test classes, three of them the ways of an episode, and three known classes whose
means are known. Queries go to the nearest of all means. Counts how often the 95 % intervals hold the mean over all draws.
"""

from __future__ import annotations

import argparse
import itertools
from types import SimpleNamespace

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from fewshot_bench.leaderboard.open_rows import OpenRow
from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.protocols.open_queries import OpenEpisodeSource
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.records.answered import Answered, ranks_of
from fewshot_bench.records.record import BaselinePart, DataSetPart, Record, TrainingPart

TEST, WAYS, KNOWN, FEATURES = 4, 3, 3, 8
# images of a test class, held-out images of a known class, shots, queries
SETTINGS = ((8, 4, 3, 4), (20, 8, 1, 10), (20, 8, 5, 10), (60, 12, 5, 10), (300, 60, 5, 15))
SPREADS = (0.45, 0.72)  # of a class in each direction; the means are 1 from the origin
MEASURES = ("accuracy_new", "accuracy_known", "accuracy", "auroc", "false_accepts")


def measured(seed: int, setting: tuple[int, ...], spread: float, episodes: int) -> dict[str, float]:
    """The measures of one draw, with their intervals, as columns of a leaderboard."""
    size, held_out, shots, queries = setting
    rng = np.random.default_rng(seed)
    sizes = [size] * TEST + [held_out] * KNOWN
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = np.eye(len(sizes), FEATURES)
    features = centres[labels] + spread * rng.normal(size=(len(labels), FEATURES))
    starts = np.cumsum([0, *sizes[:-1]]).tolist()
    pool = tuple(zip(starts, sizes, strict=True))
    known = tuple(tuple(range(first, first + count)) for first, count in pool[TEST:])
    base = DrawnEpisodes(pool[:TEST], WAYS, shots, queries, str(seed))
    source = OpenEpisodeSource(base, pool[:TEST], known, True, queries, str(seed))
    drawn = source.draw(0, episodes)

    means_TND = features[drawn.support_TNK].mean(2)
    known_TMD = np.broadcast_to(centres[TEST:], (episodes, KNOWN, FEATURES))
    candidates = np.concatenate([means_TND, known_TMD], axis=1)
    query_TA = drawn.all_queries_TA
    scores = -np.square(features[query_TA][:, :, None] - candidates[:, None]).sum(-1)
    predicted = np.take_along_axis(drawn.candidates_TN, scores.argmax(2), axis=1)
    is_query = query_TA >= 0
    ranks = ranks_of(scores.max(2).astype(np.float32), is_query)
    answered = Answered(np.where(is_query, predicted, 255).astype(np.uint8), ranks)
    one = SimpleNamespace(record=_record(pool, shots, episodes), episodes=drawn, answered=answered)
    row = OpenRow([one], episodes)
    harmonic = row.harmonic
    own = {
        "accuracy": harmonic.accuracy,
        "accuracy_low": harmonic.low,
        "accuracy_high": harmonic.high,
    }
    return {**row.columns(), **own}


def _record(pool: tuple[tuple[int, int], ...], shots: int, episodes: int) -> Record:
    names = tuple(f"class {number}" for number in range(len(pool)))
    protocol = OpenWorld(
        name="simulated", dataset="simulated", train_classes=names[TEST:], test_classes=names[:TEST],
        known=names[TEST:], open_set=True, ways=WAYS, shots=(shots,),
    )  # fmt: skip
    return Record(
        key="", status="ok", shots=shots, episodes=episodes, episodes_digests={}, protocol=protocol, pool=pool,
        dataset=DataSetPart(name="simulated", digest=""), training=TrainingPart(key="", seed=0, version=""),
        baseline=BaselinePart(name="", sha256="", transductive=False, rule="", preset="", settings_given={}, settings={}),
    )  # fmt: skip


def study(data_sets: int, episodes: int) -> Table:
    """A row a setting, a spread and a measure: the truth, and how often it is covered."""
    table = Table(
        "images, held out", "shots", "spread", "measure", "truth", "covered", "half-width"
    )
    cases = list(itertools.product(SETTINGS, SPREADS))
    for setting, spread in track(cases, console=Console(stderr=True)):
        draws = [measured(seed, setting, spread, episodes) for seed in range(data_sets)]
        for name in MEASURES:
            values = np.array([draw[name] for draw in draws])
            low = np.array([draw[f"{name}_low"] for draw in draws])
            high = np.array([draw[f"{name}_high"] for draw in draws])
            truth = values.mean()
            covered = ((low <= truth) & (truth <= high)).mean()
            table.add_row(
                f"{setting[0]}, {setting[1]}", str(setting[2]), f"{spread}", name, f"{100 * truth:.1f}",
                f"{100 * covered:.1f}", f"{50 * (high - low).mean():.1f}",
            )  # fmt: skip
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-sets", type=int, default=500)
    parser.add_argument("--episodes", type=int, default=1000)
    arguments = parser.parse_args()
    Console(width=110).print(study(arguments.data_sets, arguments.episodes))
