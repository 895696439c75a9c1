"""What is measured in episodes with further queries: accuracies of classes, and how well the
highest score tells queries without references.

Shapes: T episodes, A queries of an episode of all kinds, G classes of an episode.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "TRUE_ACCEPTS",
    "Values",
    "area_under_roc",
    "false_accepts",
    "harmonic_mean",
    "harmonic_weights",
    "mean_recall",
]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

TRUE_ACCEPTS = 0.95  # of the queries with references, in `false_accepts`
COUNTED = 4_000_000  # numbers held at once


class Values(NamedTuple):
    """A value of each episode, and its value without each of its queries: (T,) and (T, A).

    NaN without the last query of a class, or of those that have no references.
    """

    value_T: Floats
    without_TA: Floats


def mean_recall(is_right_TA: Bools, is_query_TA: Bools, groups_A: npt.NDArray[np.int64]) -> Values:
    """The mean of the recalls of the classes of an episode.

    groups_A: which of the G classes each place is for, -1: of none. is_query_TA: False at padding.
    """
    without_TA = np.full(is_right_TA.shape, math.nan)
    recalls = []
    places = [np.flatnonzero(groups_A == group) for group in range(int(groups_A.max()) + 1)]
    for at in places:
        is_query = is_query_TA[:, at]
        right_T = (is_right_TA[:, at] & is_query).sum(1)
        recalls.append(right_T / is_query.sum(1))
    recall_TG = np.stack(recalls, axis=1)
    value_T = recall_TG.mean(1)
    without_TA[:] = value_T[:, None]  # other queries change nothing
    for group, at in enumerate(places):
        is_query = is_query_TA[:, at]
        count_T1 = is_query.sum(1, keepdims=True)
        right_TQ = is_right_TA[:, at] & is_query
        with np.errstate(invalid="ignore", divide="ignore"):
            recall_TQ = (right_TQ.sum(1, keepdims=True) - right_TQ) / (count_T1 - 1)
        change_TQ = (recall_TQ - recall_TG[:, [group]]) / len(places)
        without_TA[:, at] = value_T[:, None] + change_TQ
    return Values(value_T, without_TA)


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
    ranks_TA: npt.NDArray[np.uint16], has_references_TA: Bools, is_unknown_TA: Bools
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
        part = _area(ranks_TA[rows], has_references_TA[rows], is_unknown_TA[rows])
        value_T[rows] = part.value_T
        without_TA[rows] = part.without_TA
    return Values(value_T, without_TA)


def _area(ranks_TA: npt.NDArray[np.uint16], is_known_TA: Bools, is_unknown_TA: Bools) -> Values:
    known_T1 = is_known_TA.sum(1, keepdims=True)
    unknown_T1 = is_unknown_TA.sum(1, keepdims=True)
    below_known_TA = _below(ranks_TA, is_unknown_TA) / unknown_T1
    above_unknown_TA = 1 - _below(ranks_TA, is_known_TA) / known_T1
    of_known_TA = np.where(is_known_TA, below_known_TA, 0.0)
    of_unknown_TA = np.where(is_unknown_TA, above_unknown_TA, 0.0)
    sum_T1 = of_known_TA.sum(1, keepdims=True)
    value_T1 = sum_T1 / known_T1
    with np.errstate(invalid="ignore", divide="ignore"):
        without_known = (sum_T1 - of_known_TA) / (known_T1 - 1)
        unknown_sum_T1 = of_unknown_TA.sum(1, keepdims=True)
        without_unknown = (unknown_sum_T1 - of_unknown_TA) / (unknown_T1 - 1)
    without_TA = np.where(is_known_TA, without_known, without_unknown)
    return Values(value_T1[:, 0], without_TA)


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
    ranks_TA: npt.NDArray[np.uint16], has_references_TA: Bools, is_unknown_TA: Bools
) -> Values:
    """The share of queries without references at or above the score that accepts 95 % of the rest.

    The threshold of an episode is the highest score that rejects at most 5 % of its queries with
    references, rounded down: with fewer than 20 of them, it rejects none.
    """
    known_T = has_references_TA.sum(1)
    unknown_T = is_unknown_TA.sum(1)
    highest = np.iinfo(np.uint16).max
    of_known_TA = np.where(has_references_TA, ranks_TA, highest)
    sorted_TA = np.sort(of_known_TA, axis=1)
    accepted_T = _accepted(ranks_TA, is_unknown_TA, sorted_TA, _rejected(known_T))
    value_T = accepted_T / unknown_T

    # without a query that has references, the threshold is the same or the next one
    place_T = _rejected(known_T - 1)
    lower_T = _accepted(ranks_TA, is_unknown_TA, sorted_TA, place_T) / unknown_T
    next_T = np.minimum(place_T + 1, known_T - 1)
    higher_T = _accepted(ranks_TA, is_unknown_TA, sorted_TA, next_T) / unknown_T
    threshold_T1 = np.take_along_axis(sorted_TA, place_T[:, None], axis=1)
    is_at_or_below = ranks_TA <= threshold_T1
    without_known = np.where(is_at_or_below, higher_T[:, None], lower_T[:, None])
    without_known[known_T < 2] = math.nan

    of_episode_T1 = np.take_along_axis(sorted_TA, _rejected(known_T)[:, None], axis=1)
    is_accepted_TA = is_unknown_TA & (ranks_TA >= of_episode_T1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest_T1 = unknown_T[:, None] - 1
        without_unknown = (accepted_T[:, None] - is_accepted_TA) / rest_T1
    without_TA = np.where(has_references_TA, without_known, without_unknown)
    return Values(value_T, without_TA)


def _rejected(count_T: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """How many of so many queries may be rejected."""
    # a thousandth of a query more, as 20 * (1 - 0.95) is a little less than 1
    allowed_T = np.floor((1 - TRUE_ACCEPTS) * count_T + 1e-3)
    return np.asarray(np.maximum(allowed_T, 0), dtype=np.int64)


def _accepted(
    ranks_TA: npt.NDArray[np.uint16],
    is_unknown_TA: Bools,
    sorted_TA: npt.NDArray[np.uint16],
    place_T: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """How many queries without references are at or above the score at this place."""
    threshold_T1 = np.take_along_axis(sorted_TA, place_T[:, None], axis=1)
    is_accepted_TA = is_unknown_TA & (ranks_TA >= threshold_T1)
    return np.asarray(is_accepted_TA.sum(1), dtype=np.int64)
