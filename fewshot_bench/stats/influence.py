"""The variance of a mean accuracy, or of a difference, over other images of the same classes.

Shapes: T episodes, N ways, K shots, Q queries a class, C test classes, U units, P = 2C samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.correctness import Moments, mean_by_unit
from fewshot_bench.stats.design import AnyDesign, Part
from fewshot_bench.stats.standard_error import Spread, StandardError

__all__ = ["Influence", "Unknown", "influence", "influence_over_runs", "jackknife_values"]

Floats = npt.NDArray[np.float64]

Unknown = Literal["", "too few images", "too few pairs", "too few drawn", "one episode"]


@dataclass(frozen=True)
class Influence:
    """A mean with its variance over other images of the same classes, and over other episodes.

    variance_units: over what another data set would draw anew, NaN where it is unknown; squares:
    the sum of the squares of the independent parts of the variance, each over its degrees of
    freedom; units: their effective number; is_ever_wrong: whether any query was answered wrongly
    (of a difference: by the two baselines differently); unknown: why the variance is, or empty.
    """

    mean: float
    variance_units: float
    variance_episodes: float
    squares: float
    units: float
    is_ever_wrong: bool
    unknown: Unknown = ""

    @property
    def variance(self) -> float:
        """Over units and episodes."""
        return self.variance_units + self.variance_episodes

    def error(self, trainings: Spread) -> StandardError:
        """The standard error over units, episodes and trainings."""
        return StandardError.of(self.variance, self.squares, trainings)


def influence(design: AnyDesign, moments: Moments) -> Influence:
    """Delete-one jackknife of a mean accuracy or difference, from the episodes that were drawn.

    The mean over all episodes is a U-statistic (Hoeffding 1948, Ann. Math. Stat. 19), of degree
    K + 1 in the units of a class for its own recall R, and K for the rest of the accuracy A:

        y_t = K * (a_c * R_t / N + b_c * (A_t - R_t / N)), centred over the episodes with class c
        a_c = (n_c - 1) / (n_c - K - 1);  b_c = (n_c - 1) / (n_c - K)
        J_i = mean of y_t over the episodes with unit i as a reference + a_c / N * r_i
        V   = sum_c w_c^2 / n_c * (Var_i(J_i) - noise_c) + Var(A) / T

    r_i: mean correctness of unit i as a query; n_c: units of class c; w_c: share of the episodes
    that hold it. Over all episodes there are, J_i - mean J = (n_c - 1) * (theta - theta without i),
    which is the jackknife (Efron and Stein 1981, Ann. Stat. 9: it is biased upwards only). noise_c:
    what drawing T of them adds. A group of images is a unit, its r_i weighted by its images; what a
    group of several classes does to each of them is added before it is squared.
    """
    samples = design.samples
    accuracy_T = moments.accuracy_T
    episodes = len(accuracy_T)
    mean = float(accuracy_T.mean())
    units = samples.effective_units
    unknown = _unknown(design, episodes)
    if unknown:
        return _without_variance(mean, units, moments, unknown)

    references = _References.of(design, moments)
    value_2U = _values(design, moments, references)
    seen_P = samples.by_sample(samples.is_seen_2U)
    free_P = np.maximum(seen_P - 1, 1)
    raw_P = samples.by_sample(value_2U**2) / free_P
    noise_2U = _noise_of_units(design, moments, references)
    common_P = _common_noise(design, moments, references)
    noise_P = (samples.by_sample(noise_2U) - seen_P * common_P) / free_P
    share_C = (design.episodes_C / episodes) ** 2
    share_P = np.tile(share_C, 2) / np.maximum(samples.sizes_P, 1)

    scaled_2U = value_2U * np.sqrt(samples.of_units(share_P / free_P))
    variance = _squared_by_group(design, scaled_2U.sum(0)) - float(share_P @ noise_P)
    variance_units = max(0.0, variance)
    variance_episodes = float(accuracy_T.var(ddof=1)) / episodes
    # so that there are at least two degrees of freedom
    most_squares = (variance_units + variance_episodes) ** 2 / 2
    squares = float((np.square(share_P * raw_P) / free_P).sum())
    return Influence(
        mean=mean,
        variance_units=variance_units,
        variance_episodes=variance_episodes,
        squares=min(squares, most_squares),
        units=units,
        is_ever_wrong=bool(moments.wrong_U.any()),
    )


def _unknown(design: AnyDesign, episodes: int) -> Unknown:
    """Why there is no variance, or empty."""
    samples = design.samples
    if samples.too_small:
        return "too few images"
    if episodes < 2:
        return "one episode"
    if samples.too_few_references or samples.too_few_queries:
        return "too few drawn"
    return ""


def _without_variance(mean: float, units: float, moments: Moments, why: Unknown) -> Influence:
    is_ever_wrong = bool(moments.wrong_U.any())
    return Influence(mean, math.nan, math.nan, math.nan, units, is_ever_wrong, why)


@dataclass(frozen=True, eq=False)
class _References:
    """What references did.

    value: y_t of `influence` for some episodes; mean_U: its mean for each unit, 0 where it was no
    reference; squares_C: its mean square.
    """

    value: Callable[[Part], Floats]
    mean_U: Floats
    squares_C: Floats

    @classmethod
    def of(cls, design: AnyDesign, moments: Moments) -> _References:
        """What the references of these episodes did."""
        episodes_C = np.maximum(design.episodes_C, 1)
        weighted = _Last(lambda part: _weighted(design, moments, part))
        sums_C = np.zeros(design.classes)
        for part in design.parts():
            sums_C += _sum_by_class(design, part, weighted(part))
        mean_C = sums_C / episodes_C
        value = _Last(lambda part: design.shots * (weighted(part) - mean_C[part.classes_TN]))

        sums_U = np.zeros(len(design.supports_U))
        squares_C = np.zeros(design.classes)
        for part in design.parts():
            value_TN = value(part)
            values = np.repeat(value_TN.ravel(), design.shots)
            sums_U += np.bincount(part.support_units_TNK.ravel(), values, len(sums_U))
            squares_C += _sum_by_class(design, part, value_TN**2)
        mean_U = sums_U / np.maximum(design.supports_U, 1)
        return cls(value, mean_U, squares_C / episodes_C)


class _Last:
    """A function of a part that remembers the last one: of a design with one part, all."""

    def __init__(self, of_part: Callable[[Part], Floats]) -> None:
        self._of_part = of_part
        self._last: tuple[Part, Floats] | None = None

    def __call__(self, part: Part) -> Floats:
        if self._last is None or self._last[0] is not part:
            self._last = (part, self._of_part(part))
        return self._last[1]


def jackknife_values(design: AnyDesign, moments: Moments) -> Floats:
    """J_i of `influence` less the mean of its sample, (2, U); 0 for units that were not seen.

    The second row is of queries that are a sample of their own.
    """
    return _values(design, moments, _References.of(design, moments))


def _values(design: AnyDesign, moments: Moments, references: _References) -> Floats:
    """See `jackknife_values`."""
    samples = design.samples
    recall_U = _centred_by_class(design, mean_by_unit(design, moments))
    value_2U = _in_samples(design, references.mean_U, _recall_weights(design) * recall_U)
    seen_P = np.maximum(samples.by_sample(samples.is_seen_2U), 1)
    mean_P = samples.by_sample(value_2U) / seen_P
    return np.where(samples.is_seen_2U, value_2U - samples.of_units(mean_P), 0.0)


def _in_samples(design: AnyDesign, reference_U: Floats, query_U: Floats) -> Floats:
    """Values of units as references and as queries, added where these are one sample, (2, U)."""
    samples = design.samples
    is_apart_U = samples.is_apart_C[design.units.class_U]
    first_U = reference_U + np.where(is_apart_U, 0.0, query_U)
    values_2U: Floats = np.stack([first_U, query_U]) * samples.is_seen_2U
    return values_2U


def _weighted(design: AnyDesign, moments: Moments, part: Part) -> Floats:
    """y_TN of `influence` over K, not centred, of some episodes."""
    recall_TN = moments.recall_TN[part.rows]
    own_TN = recall_TN / design.ways
    rest_TN = recall_TN.mean(1)[:, None] - own_TN
    own_weight_TN = design.samples.own_weight_C[part.classes_TN]
    rest_weight_TN = design.samples.rest_weight_C[part.classes_TN]
    weighted_TN: Floats = own_weight_TN * own_TN + rest_weight_TN * rest_TN
    return weighted_TN


def _sum_by_class(design: AnyDesign, part: Part, values_TN: Floats) -> Floats:
    """Sum over those of some episodes that hold each class, (C,)."""
    sums_C = np.bincount(part.classes_TN.ravel(), values_TN.ravel(), design.classes)
    return np.asarray(sums_C, dtype=np.float64)


def _recall_weights(design: AnyDesign) -> Floats:
    """a_c / N for each unit; of a group, times its images over those of the mean group."""
    weight_U = design.samples.query_weight_C[design.units.class_U]
    weights_U: Floats = weight_U * _relative_sizes(design) / design.ways
    return weights_U


def _relative_sizes(design: AnyDesign) -> Floats:
    """The images of each unit over those of the mean unit of its class: 1 without groups, (U,)."""
    units = design.units
    units_C = design.samples.by_class(np.ones_like(units.images_U))
    images_C = design.samples.by_class(units.images_U)
    mean_images_C = images_C / np.maximum(units_C, 1)
    sizes_U: Floats = units.images_U / mean_images_C[units.class_U]
    return sizes_U


def _centred_by_class(design: AnyDesign, recall_U: Floats) -> Floats:
    """Recalls less those of their classes; 0 for units that were no query."""
    samples = design.samples
    counted_U = design.units.images_U * samples.is_query_U
    sums_C = samples.by_class(counted_U * recall_U)
    mean_C = sums_C / np.maximum(samples.by_class(counted_U), 1)
    centred_U = recall_U - mean_C[design.units.class_U]
    return np.where(samples.is_query_U, centred_U, 0.0)


def _noise_of_units(design: AnyDesign, moments: Moments, references: _References) -> Floats:
    """The variance that few episodes with a unit add to its jackknife values, (2, U)."""
    samples = design.samples
    episodes_C = np.maximum(design.episodes_C, 1)
    squares_C = design.shots * references.squares_C * episodes_C
    between_C = samples.by_class(design.supports_U * references.mean_U**2)
    free_C = samples.by_class(np.maximum(design.supports_U - 1, 0))
    within_C = (squares_C - between_C) / np.maximum(free_C, 1)
    as_reference_U = within_C[design.units.class_U] / np.maximum(design.supports_U, 1)

    queries_U = np.maximum(design.queries_U, 1)
    mean_square_U = moments.square_U / queries_U
    variance_U = np.maximum(mean_square_U - np.square(moments.sum_U / queries_U), 0)
    as_query_U = _recall_weights(design) ** 2 * variance_U / np.maximum(queries_U - 1, 1)
    return _in_samples(design, as_reference_U * samples.is_support_U, as_query_U)


def _common_noise(design: AnyDesign, moments: Moments, references: _References) -> Floats:
    """The part of that noise that all units of a sample share, which centring takes out, (P,)."""
    samples = design.samples
    recall_U = mean_by_unit(design, moments)
    over_queries = _QueryMeans(design, recall_U)
    weight_C = samples.query_weight_C / design.ways
    first_C = np.zeros(design.classes)
    second_C = np.zeros(design.classes)
    for part in design.parts():
        classes_TN = part.classes_TN
        as_reference_TN = references.value(part)
        if design.shots > 0:
            mean_TN = references.mean_U[part.support_units_TNK].mean(2)
            as_reference_TN = as_reference_TN - mean_TN
        as_query_TN = moments.recall_TN[part.rows] - over_queries.of(part)
        as_query_TN *= weight_C[classes_TN]
        is_apart_TN = samples.is_apart_C[classes_TN]
        first_TN = as_reference_TN + np.where(is_apart_TN, 0.0, as_query_TN)
        first_C += _sum_by_class(design, part, first_TN**2)
        second_C += _sum_by_class(design, part, as_query_TN**2)
    squared_C = np.square(np.maximum(design.episodes_C, 1))
    return np.concatenate([first_C / squared_C, second_C / squared_C])


class _QueryMeans:
    """Means of the units' recalls over the queries of each class of an episode."""

    def __init__(self, design: AnyDesign, recall_U: Floats) -> None:
        self._design = design
        recall_M = recall_U[design.units.of_M]
        self._recall_U1 = np.append(recall_U, 0.0)  # where padding points to
        self._recall_M = recall_M
        self._sum_C = np.bincount(design.labels_M, recall_M, design.classes)
        size_C = np.bincount(design.labels_M, minlength=design.classes)
        self._others_C = size_C - design.shots

    def of(self, part: Part) -> Floats:
        """Of some episodes, (T, N)."""
        queries_TN = self._design.queries_TN[part.rows]
        others_TN = self._others_C[part.classes_TN]
        if (queries_TN == others_TN).all():
            # all the rest is asked: what is left of the class's sum without the references
            references_TN = self._recall_M[part.support_TNK].sum(2)
            rest_TN = self._sum_C[part.classes_TN] - references_TN
            return np.asarray(rest_TN / others_TN)
        sums_TN = self._recall_U1[part.query_units_TNQ].sum(2)
        return np.asarray(sums_TN / queries_TN)


def _squared_by_group(design: AnyDesign, values_U: Floats) -> float:
    """The sum of the squares of what the units of each group come to together."""
    sums_G = np.bincount(design.units.group_U, values_U)
    return float(np.square(sums_G).sum())


def influence_over_runs(design: AnyDesign, moments: Moments, weights_RC: Floats) -> Influence:
    """Variance over units of a weighted mean of class recalls, over the runs of a protocol.

        V = sum_c w_c^2 * Var_i(r_i) / n_c

    r_i: mean correctness of unit i over the runs that tested it; n_c: tested units of class c, of
    which a class needs two. weights_RC: of each class in each of R runs, or (C,), the same in all;
    w_c is their mean. Classes with weight 0 do not count.
    """
    samples = design.samples
    recall_RC = moments.recall_TN[:]
    weights_RC = np.broadcast_to(weights_RC, recall_RC.shape)
    weights_C = weights_RC.mean(0)
    is_asked_C = weights_C > 0
    is_counted_U = samples.is_query_U & is_asked_C[design.units.class_U]
    size_C = samples.by_class(is_counted_U)
    free_C = np.maximum(size_C - 1, 1)
    share_C = weights_C**2 / np.maximum(size_C, 1)
    mean = float((recall_RC * weights_RC).sum(1).mean())
    units = samples.effective_number(weights_C, is_counted_U, size_C)
    if (size_C[is_asked_C] < 2).any():
        return _without_variance(mean, units, moments, "too few images")

    recall_U = _centred_by_class(design, mean_by_unit(design, moments))
    value_U = _relative_sizes(design) * recall_U * is_counted_U
    variance_C = share_C * samples.by_class(value_U**2) / free_C
    scaled_U = value_U * np.sqrt(share_C / free_C)[design.units.class_U]
    return Influence(
        mean=mean,
        variance_units=_squared_by_group(design, scaled_U),
        variance_episodes=0.0,
        squares=float((variance_C**2 / free_C).sum()),
        units=units,
        is_ever_wrong=bool((moments.wrong_U & is_counted_U).any()),
    )
