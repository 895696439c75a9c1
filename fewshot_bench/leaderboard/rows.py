"""Rows of a leaderboard: the predictions of one baseline for one episode set, over its trainings.

Shapes: T episodes, N ways, Q queries a class, S training seeds, R runs, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.open_rows import OpenRow, known_classes
from fewshot_bench.leaderboard.pair_rows import PairRow
from fewshot_bench.leaderboard.record_columns import method_parts, question_key, row_key
from fewshot_bench.leaderboard.right_answers import right_answers
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.held import HELD
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest
from fewshot_bench.stats import intervals
from fewshot_bench.stats.correctness import Correctness

__all__ = ["Row", "paired", "rows_of", "shared_episodes", "shared_runs", "shares_of_classes"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Row:
    """Predictions of one baseline for one episode set: one a training seed, or one a run.

    name: its baseline's, with what sets it apart from rows it could be taken for.
    """

    name: str
    predictions: tuple[Predictions, ...]

    @property
    def record(self) -> Record:
        """The record of its first training: how it was made, and of which episodes."""
        return self.predictions[0].record

    @property
    def baseline(self) -> str:
        """The name of its baseline, with that of a rule that is not the baseline's own."""
        return self.record.baseline.answerer

    @property
    def is_classification(self) -> bool:
        """Whether its predictions are of runs, each on its own split of the images."""
        return self.record.protocol.is_classification

    def correctness(self, episodes: int | None = None) -> Correctness:
        """Which queries of the first so many episodes were predicted rightly.

        Images are positions in the pool of the test classes. Runs count as episodes of one
        training, since each run has its own images.
        """
        count = self.record.episodes if episodes is None else episodes
        key = ("correctness", self, count)
        return HELD.get(key, lambda: right_answers(self.predictions, count), _size)

    @property
    def has_known(self) -> bool:
        """Whether known classes are candidates beside the new ones."""
        return bool(known_classes(self.record))

    @property
    def is_of_pairs(self) -> bool:
        """Whether it answers pairs of images."""
        return isinstance(self.record.protocol, Pairs)

    @cached_property
    def pair_row(self) -> PairRow:
        """What it measures on pairs."""
        return PairRow(self.predictions)

    def open_row(self, episodes: int | None = None) -> OpenRow:
        """What it measures in the first so many episodes of an open world."""
        return _open_row(self, self.record.episodes if episodes is None else episodes)

    @property
    def shares_RC(self) -> Floats:
        """The share of the test images of each run that each class has."""
        return shares_of_classes(self.correctness())

    def estimate(self, weights_RC: Floats | None = None) -> intervals.Estimate:
        """Mean accuracy with its interval.

        With known classes: the harmonic mean of the accuracies on new and on known classes. Of
        pairs: the share of them.
        weights_RC: over runs, the weight of each class; by default its share of the test images.
        """
        if self.is_of_pairs:
            return self.pair_row.accuracy
        if self.has_known:
            return self.open_row().harmonic
        if not self.is_classification:
            return intervals.estimate(self.correctness())
        weights = self.shares_RC if weights_RC is None else weights_RC
        return intervals.estimate_over_runs(self.correctness(), weights, self._trained)

    @property
    def _trained(self) -> float:
        """The share of the images that each run trains on."""
        size = float(self.record.condition)
        if size < 1:
            return size
        images = sum(count for _, count in self.record.pool)
        return size * len(self.record.pool) / images

    @property
    def method(self) -> str:
        """A digest of name, settings, code and version: the same for any number of episodes."""
        return digest(*method_parts(self.record))

    @cached_property
    def question(self) -> tuple[Any, ...]:
        """What rows of one ranking share."""
        return question_key(self.record)

    @property
    def episode_digests(self) -> set[str]:
        """The digests of the episodes of each training; over runs, one a run."""
        return {one.record.episodes_digest for one in self.predictions}

    def only(self, digests: set[str]) -> Row:
        """This row with the predictions for episodes with these digests alone."""
        kept = []
        for one in self.predictions:
            if one.record.episodes_digest in digests:
                kept.append(one)
        return self if len(kept) == len(self.predictions) else Row(self.name, tuple(kept))


@lru_cache(maxsize=16)
def _open_row(row: Row, episodes: int) -> OpenRow:
    return OpenRow(row.predictions, episodes)


def _size(correctness: Correctness) -> int:
    return correctness.nbytes


def rows_of(
    predictions: Sequence[Predictions], names: Mapping[str, str] | None = None
) -> dict[str, Row]:
    """The rows by their row keys, each with its predictions in the order of seeds or runs.

    names: of rows, as `row_names` gives them; by default those of these predictions.
    """
    if names is None:
        names = row_names(one.record for one in predictions)
    groups: dict[str, list[Predictions]] = {}
    for one in sorted(predictions, key=lambda one: one.record.training.seed):
        groups.setdefault(row_key(one.record), []).append(one)
    return {key: Row(names[key], tuple(group)) for key, group in groups.items()}


def shares_of_classes(correctness: Correctness) -> Floats:
    """The share of the queries of each episode that each of its classes has, (T, N)."""
    queries_TN = correctness.design.queries_TN
    return np.asarray(queries_TN / queries_TN.sum(1, keepdims=True))


def shared_runs(first: Row, second: Row) -> set[str]:
    """The digests of the runs of a classification protocol that two rows share."""
    if not (first.is_classification and second.is_classification):
        return set()
    return first.episode_digests & second.episode_digests


def shared_episodes(first: Row, second: Row) -> int:
    """How many of the first episodes of two rows are the same; of runs 1, if they share one."""
    if first.is_classification or second.is_classification:
        return min(1, len(shared_runs(first, second)))
    theirs = second.record.episodes_digests
    most = 0
    for count, digest_ in first.record.episodes_digests.items():
        if theirs.get(count) == digest_:
            most = max(most, count)
    return most


def paired(first: Row, second: Row) -> tuple[Correctness, Correctness] | None:
    """The correctness of both rows on what both answered; None where that is too little.

    Runs are pairs: only those that both have count. Seeds are none: all of both count.
    """
    runs = shared_runs(first, second)
    if runs:
        return first.only(runs).correctness(), second.only(runs).correctness()
    episodes = shared_episodes(first, second)
    if episodes < 2:
        return None
    return first.correctness(episodes), second.correctness(episodes)
