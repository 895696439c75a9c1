"""What a row measures in an open world: accuracy on new and on known classes, and the open set.

Shapes: T episodes, N ways, M known classes, A queries of an episode of all kinds, S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.protocols.episode import Episodes, in_data_set
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.stats.deletion import Measured, OpenDesign, influence_of, measured
from fewshot_bench.stats.design import Units
from fewshot_bench.stats.differences import Difference, DifferenceKind
from fewshot_bench.stats.intervals import Estimate, IntervalKind, with_interval
from fewshot_bench.stats.open_world import (
    Sharing,
    Values,
    area_under_roc,
    false_accepts,
    harmonic_mean,
    harmonic_weights,
    mean_recall,
)
from fewshot_bench.stats.standard_error import Spread

__all__ = [
    "LISTED",
    "OpenRow",
    "harmonic_difference",
    "interval_columns",
    "is_open_set",
    "known_classes",
    "known_text",
    "true_classes",
]

LISTED = " | "  # between class names in a table: names may hold spaces and commas

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer[Any]]


def known_classes(record: Record) -> tuple[str, ...]:
    """The known classes that compete with the new ones; empty in other protocols."""
    protocol = record.protocol
    return protocol.known if isinstance(protocol, OpenWorld) else ()


def known_text(record: Record) -> str:
    """For tables: the known classes, "all" where they are all train classes, or empty."""
    known = known_classes(record)
    is_all = set(known) == set(record.protocol.train_classes)
    return "all" if known and is_all else LISTED.join(known)


def is_open_set(record: Record) -> bool:
    """Whether its episodes have queries of classes without references."""
    protocol = record.protocol
    return isinstance(protocol, OpenWorld) and protocol.open_set


@dataclass(frozen=True, eq=False)
class _Measure:
    """A mean over episodes and seeds. parts: to first order; by_seed_S: the mean of each seed."""

    mean: float
    parts: Measured
    by_seed_S: Floats
    is_ever_wrong: bool


class OpenRow:
    """What the seeds of one row answered in the first so many episodes."""

    def __init__(self, predictions: Sequence[Predictions], episodes: int) -> None:
        first = predictions[0]
        self._record = first.record
        self._episodes = first.episodes.part(0, episodes)
        self._predicted_STA = [one.answered.predicted_TA[:episodes] for one in predictions]
        self._ranks_STA = []
        for one in predictions:
            if one.answered.ranks_TA is not None:
                self._ranks_STA.append(one.answered.ranks_TA[:episodes])

    @cached_property
    def design(self) -> OpenDesign:
        """The images of the episodes, as positions in the pool."""
        record = self._record
        sizes = [count for _, count in record.pool]
        labels = np.repeat(np.arange(len(sizes)), sizes)
        position = in_data_set(record.pool, np.arange(len(labels)))
        groups = np.array(record.groups) if record.groups else None
        episodes = self._episodes
        return OpenDesign(
            episodes.classes_TN,
            position[episodes.support_TNK.reshape(len(episodes), -1)],
            position[episodes.all_queries_TA],
            episodes.query_TNQ[0].size,
            Units.of(labels, groups),
        )

    @cached_property
    def _sharing(self) -> Sharing:
        """Which queries of an episode are of one group."""
        if not self._record.groups:
            return Sharing(None)
        units_M1 = np.append(self.design.units.of_M, -1)
        return Sharing.of(units_M1[self.design.query_TA])

    @cached_property
    def right_STA(self) -> list[Bools]:
        """Which queries were answered rightly, by seed; of a class without references, none."""
        true_TA = true_classes(self._episodes)
        return [predicted_TA == true_TA for predicted_TA in self._predicted_STA]

    @cached_property
    def _new(self) -> _Measure:
        groups_A = np.full(self.design.query_TA.shape[1], -1)
        _, ways, queries = self._episodes.query_TNQ.shape
        groups_A[: ways * queries] = np.repeat(np.arange(ways), queries)
        return self._recall_of(groups_A)

    @cached_property
    def _known(self) -> _Measure:
        groups_A = np.full(self.design.query_TA.shape[1], -1)
        known_TMQ = self._episodes.known_TMQ
        assert known_TMQ is not None
        _, classes, queries = known_TMQ.shape
        start = self.design.ways_queries
        stop = start + classes * queries
        groups_A[start:stop] = np.repeat(np.arange(classes), queries)
        return self._recall_of(groups_A)

    def _recall_of(self, groups_A: npt.NDArray[np.int64]) -> _Measure:
        is_query_TA = self.design.is_query_TA
        values = []
        for right_TA in self.right_STA:
            values.append(mean_recall(right_TA, is_query_TA, groups_A, self._sharing))
        return self._measure(values)

    def _measure(self, values: Sequence[Values]) -> _Measure:
        value_T = np.mean([one.value_T for one in values], axis=0)
        without_TA = np.mean([one.without_TA for one in values], axis=0)
        parts = measured(self.design, value_T, without_TA)
        by_seed_S = np.array([one.value_T.mean() for one in values])
        return _Measure(parts.mean, parts, by_seed_S, bool((value_T < 1).any()))

    @cached_property
    def _harmonic(self) -> _Measure:
        new = self._new
        known = self._known
        weights = harmonic_weights(new.mean, known.mean)
        by_seed = []
        for of_new, of_known in zip(new.by_seed_S, known.by_seed_S, strict=True):
            by_seed.append(harmonic_mean(of_new, of_known))
        return _Measure(
            harmonic_mean(new.mean, known.mean),
            new.parts.plus(known.parts, *weights),
            np.array(by_seed),
            new.is_ever_wrong or known.is_ever_wrong,
        )

    @property
    def new_accuracy(self) -> Estimate:
        """Mean recall of the new classes."""
        return self._estimate(self._new)

    @property
    def known_accuracy(self) -> Estimate:
        """Mean recall of the known classes, on images that were held out."""
        return self._estimate(self._known)

    @property
    def harmonic(self) -> Estimate:
        """The harmonic mean of the accuracies on new and on known classes."""
        return self._estimate(self._harmonic)

    @cached_property
    def area(self) -> Estimate:
        """The area under the ROC curve of queries with references against those without."""
        values = []
        for ranks_TA in self._ranks_STA:
            values.append(area_under_roc(ranks_TA, *self._kinds, self._sharing))
        return self._estimate(self._measure(values))

    @cached_property
    def false_accepts(self) -> Estimate:
        """The share of queries without references that pass where 95 % of the others do."""
        refused = []
        for ranks_TA in self._ranks_STA:
            passed = false_accepts(ranks_TA, *self._kinds, self._sharing)
            refused.append(Values(1 - passed.value_T, 1 - passed.without_TA))
        return self._estimate(self._measure(refused)).complement

    @property
    def _kinds(self) -> tuple[Bools, Bools]:
        """(T, A): queries with references, and those without."""
        unknown_TU = self._episodes.unknown_TU
        assert unknown_TU is not None
        is_query_TA = self.design.is_query_TA
        first_unknown = is_query_TA.shape[1] - unknown_TU.shape[1]
        is_unknown_A = np.arange(is_query_TA.shape[1]) >= first_unknown
        return is_query_TA & ~is_unknown_A, is_query_TA & is_unknown_A

    def _estimate(self, measure: _Measure) -> Estimate:
        images = influence_of(
            self.design,
            measure.parts,
            measure.mean,
            self._record.shots,
            is_ever_wrong=measure.is_ever_wrong,
        )
        kind: IntervalKind = "images+seeds" if len(measure.by_seed_S) > 1 else "images"
        return with_interval(images, Spread.of(measure.by_seed_S), kind)

    def columns(self) -> dict[str, Any]:
        """What a leaderboard says beside the accuracy."""
        columns: dict[str, Any] = {}
        if known_classes(self._record):
            columns |= interval_columns("accuracy_new", self.new_accuracy)
            columns |= interval_columns("accuracy_known", self.known_accuracy)
        if is_open_set(self._record):
            columns |= interval_columns("auroc", self.area)
            columns |= interval_columns("false_accepts", self.false_accepts)
        return columns


def interval_columns(name: str, estimate: Estimate) -> dict[str, float]:
    """The columns of a measure and of the bounds of its interval."""
    return {
        name: estimate.accuracy,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
    }


def true_classes(episodes: Episodes) -> Ints:
    """The class of each query, (T, A); -1 of those without references."""
    queries = episodes.query_TNQ.shape[2]
    of_ways_TA = np.repeat(episodes.classes_TN, queries, axis=1)
    if episodes.known_TMQ is None or episodes.known_M is None or episodes.unknown_TU is None:
        return of_ways_TA
    of_known_A = np.repeat(episodes.known_M, episodes.known_TMQ.shape[2])
    of_known_TA = np.broadcast_to(of_known_A, (len(episodes), len(of_known_A)))
    none_TU = np.full(episodes.unknown_TU.shape, -1)
    return np.concatenate([of_ways_TA, of_known_TA, none_TU], axis=1)


def harmonic_difference(first: OpenRow, second: OpenRow) -> Difference:
    """How much higher the first harmonic mean is, on the same episodes.

    Seeds are no pairs: the variances of the two means over seeds are added.
    """
    own = first._harmonic
    other = second._harmonic
    is_ever_different = False
    rights = [*first.right_STA[1:], *second.right_STA]
    for right_TA in rights:
        is_ever_different = is_ever_different or not np.array_equal(first.right_STA[0], right_TA)
    images = influence_of(
        first.design,
        own.parts.plus(other.parts, 1.0, -1.0),
        own.mean - other.mean,
        first._record.shots,
        is_ever_wrong=is_ever_different,
    )
    seeds = Spread.of(own.by_seed_S).plus(Spread.of(other.by_seed_S))
    over: DifferenceKind = "images+seeds" if seeds.variance > 0 else "images"
    return Difference(over, images, seeds)
