"""What a row measures on pairs: the share answered rightly, and the area under the ROC curve.

Shapes: P pairs, S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.leaderboard.open_rows import interval_columns
from fewshot_bench.protocols.episode import Episodes, in_data_set
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.answered import DIFFERENT, SAME
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.stats.design import Units
from fewshot_bench.stats.differences import Difference, DifferenceKind
from fewshot_bench.stats.intervals import Estimate, IntervalKind, with_interval
from fewshot_bench.stats.pairs import (
    PairDesign,
    Value,
    accuracy_of_pairs,
    area_of_pairs,
    influence_of_pairs,
)
from fewshot_bench.stats.standard_error import Spread

__all__ = ["ANSWERS", "PairRow", "difference_on_pairs", "number_of_pairs", "true_answers"]

ANSWERS = {SAME: "same", DIFFERENT: "different"}


def number_of_pairs(record: Record) -> int | None:
    """How many pairs it is asked about; None in other protocols."""
    return record.protocol.pairs if isinstance(record.protocol, Pairs) else None


def _design(record: Record, pairs: Episodes) -> PairDesign:
    """The images of the pairs, as positions in the pool."""
    sizes = [count for _, count in record.pool]
    labels = np.repeat(np.arange(len(sizes)), sizes)
    position = in_data_set(record.pool, np.arange(len(labels)))
    images = np.concatenate([pairs.support_TNK, pairs.query_TNQ], axis=2)
    groups = np.array(record.groups) if record.groups else None
    return PairDesign(position[images[:, 0]], Units.of(labels, groups))


def true_answers(record: Record, pairs: Episodes) -> npt.NDArray[np.int64]:
    """What is right for each pair, (P, 1)."""
    is_same_P = _design(record, pairs).is_same_P
    return np.where(is_same_P, SAME, DIFFERENT)[:, None]


class PairRow:
    """What the seeds of one row answered to the same pairs."""

    def __init__(self, predictions: Sequence[Predictions]) -> None:
        first = predictions[0]
        self.design = _design(first.record, first.episodes)
        true_P1 = true_answers(first.record, first.episodes)
        right = [(one.answered.predicted_TA == true_P1)[:, 0] for one in predictions]
        self.right_SP = np.stack(right)
        ranks = [one.answered.ranks_TA for one in predictions]
        self._ranks_SP1 = [ranks_P1 for ranks_P1 in ranks if ranks_P1 is not None]

    @cached_property
    def accuracy_value(self) -> Value:
        """The share of the pairs that are answered rightly, over seeds."""
        return accuracy_of_pairs(self.right_SP.mean(0))

    @cached_property
    def seeds(self) -> Spread:
        """How the accuracy varies with the training."""
        return Spread.of(self.right_SP.mean(1))

    @cached_property
    def accuracy(self) -> Estimate:
        """The share of the pairs that are answered rightly, at the threshold."""
        is_ever_wrong = not self.right_SP.all()
        return self._estimate(self.accuracy_value, self.seeds, is_ever_wrong=is_ever_wrong)

    @cached_property
    def area(self) -> Estimate:
        """The area under the ROC curve of pairs of one class against those of two."""
        is_same_P = self.design.is_same_P
        values = [area_of_pairs(ranks_P1[:, 0], is_same_P) for ranks_P1 in self._ranks_SP1]
        by_seed_S = np.array([value.mean for value in values])
        effect_P = np.mean([value.effect_P for value in values], axis=0)
        value = Value(float(by_seed_S.mean()), effect_P)
        is_ever_wrong = bool((by_seed_S < 1).any())
        return self._estimate(value, Spread.of(by_seed_S), is_ever_wrong=is_ever_wrong)

    def _estimate(self, value: Value, seeds: Spread, *, is_ever_wrong: bool) -> Estimate:
        images = influence_of_pairs(self.design, value, is_ever_wrong=is_ever_wrong)
        kind: IntervalKind = "images+seeds" if len(self.right_SP) > 1 else "images"
        return with_interval(images, seeds, kind)

    def columns(self) -> dict[str, Any]:
        """What a leaderboard says beside the accuracy."""
        return interval_columns("auroc", self.area)


def difference_on_pairs(first: PairRow, second: PairRow) -> Difference:
    """How much higher the first accuracy is, on the same pairs.

    Seeds are no pairs: the variances of the two means over seeds are added.
    """
    own = first.accuracy_value
    other = second.accuracy_value
    value = Value(own.mean - other.mean, own.effect_P - other.effect_P)
    answers = np.concatenate([first.right_SP, second.right_SP])
    is_ever_different = bool((answers != answers[0]).any())
    images = influence_of_pairs(first.design, value, is_ever_wrong=is_ever_different)
    seeds = first.seeds.plus(second.seeds)
    over: DifferenceKind = "images+seeds" if seeds.variance > 0 else "images"
    return Difference(over, images, seeds)
