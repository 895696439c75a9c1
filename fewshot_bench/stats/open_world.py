"""What is measured in episodes with further queries: accuracies of classes, and how well the
highest score tells queries without references.

Shapes: T episodes, A queries of an episode of all kinds, G classes of an episode.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "TRUE_ACCEPTS",
    "Sharing",
    "Values",
    "area_under_roc",
    "false_accepts",
    "harmonic_mean",
    "harmonic_weights",
    "mean_recall",
    "placements",
]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

TRUE_ACCEPTS = 0.95  # of the queries with references, in `false_accepts`
COUNTED = 4_000_000  # numbers held at once


class Values(NamedTuple):
    """A value of each episode, and its value without the unit of each query: (T,) and (T, A).

    All queries of a unit (an image, or a group of images of a class) are left out at once. NaN
    without the last unit of a class, or of the queries that have no references.
    """

    value_T: Floats
    without_TA: Floats


@dataclass(frozen=True, eq=False)
class Sharing:
    """Which queries of an episode are of one unit.

    place_TA: a number that the queries of a unit in an episode share; None where no two queries of
    an episode are of one unit, as without groups of images.
    """

    place_TA: npt.NDArray[np.integer] | None

    @classmethod
    def of(cls, units_TA: npt.NDArray[np.integer]) -> Sharing:
        """From the unit of each query, -1 at padding."""
        episodes = np.arange(len(units_TA))[:, None]
        pairs_TA = episodes * (int(units_TA.max()) + 2) + units_TA + 1
        _, place = np.unique(pairs_TA, return_inverse=True)
        return cls(place.reshape(units_TA.shape))

    def sums(self, values_TA: npt.NDArray[np.generic]) -> Floats:
        """The sum over all queries of the unit of each query, in its episode, (T, A)."""
        if self.place_TA is None:
            return values_TA.astype(np.float64)
        weights = values_TA.ravel().astype(np.float64)
        sums = np.bincount(self.place_TA.ravel(), weights)
        return np.asarray(sums[self.place_TA], dtype=np.float64)

    def part(self, rows: slice) -> Sharing:
        """The same of some episodes."""
        return self if self.place_TA is None else Sharing(self.place_TA[rows])


def mean_recall(
    is_right_TA: Bools,
    is_query_TA: Bools,
    groups_A: npt.NDArray[np.int64],
    sharing: Sharing,
) -> Values:
    """The mean of the recalls of the classes of an episode.

    groups_A: which of the G classes each place is for, -1: of none. is_query_TA: False at padding.
    """
    recalls = []
    places = [np.flatnonzero(groups_A == group) for group in range(int(groups_A.max()) + 1)]
    is_right_TA = is_right_TA & is_query_TA
    for at in places:
        recalls.append(is_right_TA[:, at].sum(1) / is_query_TA[:, at].sum(1))
    recall_TG = np.stack(recalls, axis=1)
    value_T = recall_TG.mean(1)
    without_TA = np.tile(value_T[:, None], (1, is_right_TA.shape[1]))  # others change nothing
    for group, at in enumerate(places):
        is_of_class_TA = np.zeros(is_query_TA.shape, dtype=bool)
        is_of_class_TA[:, at] = is_query_TA[:, at]
        left_TA = is_of_class_TA.sum(1, keepdims=True) - sharing.sums(is_of_class_TA)
        is_right_of_class_TA = is_right_TA & is_of_class_TA
        right_TA = is_right_of_class_TA.sum(1, keepdims=True) - sharing.sums(is_right_of_class_TA)
        recall_TA = _share(right_TA, left_TA)
        change_TA = (recall_TA - recall_TG[:, [group]]) / len(places)
        without_TA[:, at] = value_T[:, None] + change_TA[:, at]
    return Values(value_T, without_TA)


def _share(part_TA: Floats, whole_TA: Floats) -> Floats:
    """The share, NaN where the whole is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole_TA > 0, part_TA / whole_TA, math.nan))


def harmonic_mean(first: float, second: float) -> float:
    """2 a b / (a + b), and 0 where both are 0."""
    total = first + second
    return 2 * first * second / total if total > 0 else 0.0


def harmonic_weights(first: float, second: float) -> tuple[float, float]:
    """The derivatives of the harmonic mean: 2 b^2 / (a + b)^2 and 2 a^2 / (a + b)^2."""
    total = first + second
    if total == 0:
        return 0.0, 0.0
    return 2 * (second / total) ** 2, 2 * (first / total) ** 2


def area_under_roc(
    ranks_TA: npt.NDArray[np.uint16],
    has_references_TA: Bools,
    is_unknown_TA: Bools,
    sharing: Sharing,
) -> Values:
    """How often a query with references has a higher score than one without; ties count half.

    ranks_TA: of the highest score of each query in its episode, 1 for the lowest. 0.5 is chance.
    """
    episodes = len(ranks_TA)
    value_T = np.empty(episodes)
    without_TA = np.full(ranks_TA.shape, math.nan)
    block = max(1, COUNTED // (ranks_TA.shape[1] + 2))
    for start in range(0, episodes, block):
        rows = slice(start, start + block)
        shared = sharing.part(rows)
        part = _area(ranks_TA[rows], has_references_TA[rows], is_unknown_TA[rows], shared)
        value_T[rows] = part.value_T
        without_TA[rows] = part.without_TA
    return Values(value_T, without_TA)


def _area(
    ranks_TA: npt.NDArray[np.uint16], is_known_TA: Bools, is_unknown_TA: Bools, sharing: Sharing
) -> Values:
    place_TA = placements(ranks_TA, is_known_TA, is_unknown_TA)
    known_T1 = is_known_TA.sum(1, keepdims=True)
    value_T1 = np.where(is_known_TA, place_TA, 0.0).sum(1, keepdims=True) / known_T1
    without_known = _mean_of_others(place_TA, is_known_TA, sharing)
    without_unknown = _mean_of_others(place_TA, is_unknown_TA, sharing)
    without_TA = np.where(is_known_TA, without_known, without_unknown)
    return Values(value_T1[:, 0], without_TA)


def placements(ranks_TA: npt.NDArray[np.uint16], is_high_TA: Bools, is_low_TA: Bools) -> Floats:
    """Of each query, the share of the other kind that its rank is on the right side of.

    is_high_TA, is_low_TA: the two kinds; the first should rank higher. Ties count half. The mean
    over either kind is the area under the ROC curve (DeLong et al. 1988, Biometrics 44).
    """
    above_TA = _below(ranks_TA, is_low_TA) / is_low_TA.sum(1, keepdims=True)
    below_TA = 1 - _below(ranks_TA, is_high_TA) / is_high_TA.sum(1, keepdims=True)
    return np.asarray(np.where(is_high_TA, above_TA, below_TA))


def _mean_of_others(values_TA: Floats, is_counted_TA: Bools, sharing: Sharing) -> Floats:
    """The mean over the counted queries of the episode that are not of the unit of each query."""
    counted_TA = np.where(is_counted_TA, values_TA, 0.0)
    sum_TA = counted_TA.sum(1, keepdims=True) - sharing.sums(counted_TA)
    count_TA = is_counted_TA.sum(1, keepdims=True) - sharing.sums(is_counted_TA)
    return _share(sum_TA, count_TA)


def _below(ranks_TA: npt.NDArray[np.uint16], is_counted_TA: Bools) -> Floats:
    """How many of the counted queries of the episode have a lower rank; equal ones count half."""
    episodes, queries = ranks_TA.shape
    places = queries + 1  # of the ranks, 0 being no query
    flat_TA = ranks_TA.astype(np.int64) + places * np.arange(episodes)[:, None]
    counts = np.bincount(flat_TA[is_counted_TA], minlength=episodes * places)
    counts_TR = counts.reshape(episodes, places)
    lower_TR = counts_TR.cumsum(1) - 0.5 * counts_TR
    return np.asarray(np.take_along_axis(lower_TR, ranks_TA.astype(np.int64), axis=1))


def false_accepts(
    ranks_TA: npt.NDArray[np.uint16],
    has_references_TA: Bools,
    is_unknown_TA: Bools,
    sharing: Sharing,
) -> Values:
    """The share of queries without references at or above the score that accepts 95 % of the rest.

    The threshold of an episode is the highest score that rejects at most 5 % of its queries with
    references, rounded down: with fewer than 20 of them, it rejects none.
    """
    known_T1 = has_references_TA.sum(1, keepdims=True)
    unknown_T1 = is_unknown_TA.sum(1, keepdims=True)
    highest = np.iinfo(np.uint16).max
    of_known_TA = np.where(has_references_TA, ranks_TA, highest)
    order_TA = np.argsort(of_known_TA, axis=1, kind="stable")
    sorted_TA = np.take_along_axis(of_known_TA, order_TA, axis=1)
    threshold_T1 = np.take_along_axis(sorted_TA, _rejected(known_T1), axis=1)
    is_accepted_TA = is_unknown_TA & (ranks_TA >= threshold_T1)
    value_T1 = is_accepted_TA.sum(1, keepdims=True) / unknown_T1
    without_unknown = _mean_of_others(is_accepted_TA.astype(float), is_unknown_TA, sharing)

    left_TA = known_T1 - sharing.sums(has_references_TA)
    place_TA = _places_without(order_TA, has_references_TA, _rejected(left_TA), sharing)
    last = sorted_TA.shape[1] - 1
    thresholds_TA = np.take_along_axis(sorted_TA, np.minimum(place_TA, last), axis=1)
    lower_TA = _lower(thresholds_TA, ranks_TA, is_unknown_TA)
    without_known = np.where(left_TA > 0, 1 - lower_TA / unknown_T1, math.nan)
    without_TA = np.where(has_references_TA, without_known, without_unknown)
    return Values(value_T1[:, 0], without_TA)


def _rejected(counts: npt.NDArray[np.number]) -> npt.NDArray[np.int64]:
    """How many of so many queries may be rejected."""
    # a thousandth of a query more, as 20 * (1 - 0.95) is a little less than 1
    allowed = np.floor((1 - TRUE_ACCEPTS) * counts + 1e-3)
    return np.asarray(np.maximum(allowed, 0), dtype=np.int64)


def _places_without(
    order_TA: npt.NDArray[np.integer],
    has_references_TA: Bools,
    place_TA: npt.NDArray[np.int64],
    sharing: Sharing,
) -> npt.NDArray[np.int64]:
    """Where the query at `place_TA` of those that are left stands among all, by rising score.

    It is the first place with so many queries of other units before it.
    """
    position_TA = np.empty_like(order_TA)
    np.put_along_axis(position_TA, order_TA, np.arange(order_TA.shape[1])[None], axis=1)
    found_TA = place_TA
    while True:
        is_before_TA = has_references_TA & (position_TA <= found_TA)
        moved_TA = place_TA + sharing.sums(is_before_TA).astype(np.int64)
        if (moved_TA == found_TA).all():
            return found_TA
        found_TA = moved_TA


def _lower(
    thresholds_TA: npt.NDArray[np.uint16],
    ranks_TA: npt.NDArray[np.uint16],
    is_counted_TA: Bools,
) -> Floats:
    """How many counted queries of the episode rank below each of these thresholds."""
    episodes, queries = ranks_TA.shape
    places = queries + 1
    flat_TA = ranks_TA.astype(np.int64) + places * np.arange(episodes)[:, None]
    counts = np.bincount(flat_TA[is_counted_TA], minlength=episodes * places)
    up_to_TR = counts.reshape(episodes, places).cumsum(1)
    below_TA = np.clip(thresholds_TA.astype(np.int64) - 1, 0, places - 1)
    return np.asarray(np.take_along_axis(up_to_TR, below_TA, axis=1), dtype=np.float64)
