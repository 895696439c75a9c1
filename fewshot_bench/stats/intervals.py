"""Intervals over episodes, as pure functions over tallies.

Shapes: T episodes, M test images, S training seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special  # scipy.stats takes a second to import

from fewshot_bench.stats.correctness import Correctness, Design, Moments, apart

__all__ = [
    "Difference", "Estimate", "Influence", "Kind", "Mean", "Spread", "closed_half_width", "difference",
    "difference_over_runs", "disjoint_half_width", "estimate", "estimate_over_runs", "holm", "influence", "over_images",
    "verdict", "wilson",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Kind = Literal[
    "image-influence", "image-influence+seeds", "images+runs", "wilson", "rule-of-three", "mcnemar"
]
Verdict = Literal["better", "worse", "equivalent", "undecided"]

FEW_ERRORS = 10  # distinct images ever wrong, below which influence understates the error


@dataclass(frozen=True)
class Influence:
    """mean: over episodes; se: its standard error over images and episodes; images: how many were asked about; wrong:
    how many of them were ever answered wrongly (of a difference: ever discordantly).
    """

    mean: float
    se: float
    images: int
    wrong: int


@dataclass(frozen=True)
class Estimate:
    """A mean accuracy with its 95 % interval, the rule that gave it, and the parts of its standard error."""

    accuracy: float
    low: float
    high: float
    kind: Kind
    se_images: float
    se_seeds: float


def influence(design: Design, found: Moments) -> Influence:
    """Image-influence (infinitesimal-jackknife) standard error of the mean accuracy, or of the mean difference.

    The influence of image i of class c is K*(s_i - theta) + (r_i - theta_c)/N, with s_i the mean accuracy of the
    episodes that have it in support and r_i its own recall; what sampling of episodes adds to its variance is taken off
    (Efron 2014, J. Am. Stat. Assoc. 109, on bagging; here for two roles of an image).
    """
    ways, shots, images = *design.support_TNK.shape[1:], len(design.labels_M)
    accuracy_T, supports_M, queries_M = found.accuracy_T, design.supports_M, design.queries_M
    total_M = np.bincount(design.support_TNK.ravel(), np.repeat(accuracy_T, ways * shots), images)
    recall_M = found.sum_M / np.maximum(queries_M, 1)
    spread_M = found.square_M / np.maximum(queries_M, 1) - np.square(recall_M)

    variance = accuracy_T.var(ddof=1) / len(accuracy_T) if len(accuracy_T) > 1 else 0.0
    for label, holds_T in enumerate(design.holds_TC.T):
        own = (design.labels_M == label) & (queries_M > 0)
        if own.sum() < 2 or holds_T.sum() < 2:
            continue
        theta, var = accuracy_T[holds_T].mean(), accuracy_T[holds_T].var(ddof=1)
        seen = supports_M[own] > 0
        times = np.maximum(supports_M[own], 1)
        in_support = np.where(seen, total_M[own] / times - theta, 0.0)
        influence_I = shots * in_support + (recall_M[own] - recall_M[own].mean()) / ways
        noise = np.where(seen, shots**2 * var / times, 0.0) + spread_M[own] / (
            ways**2 * queries_M[own]
        )
        variance += (
            holds_T.mean() ** 2 * max(0.0, influence_I.var(ddof=1) - noise.mean()) / own.sum()
        )
    return Influence(
        float(accuracy_T.mean()),
        math.sqrt(variance),
        int((queries_M > 0).sum()),
        int(found.wrong_M.sum()),
    )


def estimate(correct: Correctness) -> Estimate:
    """Mean accuracy over episodes and seeds with its 95 % interval.

    Over S > 1 seeds the variance of their means is added to the influence of the images on the mean correctness, with
    Satterthwaite's degrees of freedom. Where fewer than 10 images were ever wrong: Wilson's interval over images, or the
    rule of three where none was.
    """
    kind: Kind = "image-influence+seeds" if correct.seeds > 1 else "image-influence"
    return _estimate(
        influence(correct.design, correct.moments), Spread.of(correct.accuracy_ST.mean(1)), kind
    )


def estimate_over_runs(correct: Correctness, weights_C: Floats) -> Estimate:
    """The weighted mean of class recalls, over the runs of a classification protocol, with its 95 % interval.

    A run is an episode of all classes: SE^2 = s^2 / R + sum_c w_c^2 Var_i(r_i) / n_c, with s the standard deviation over R
    runs and r_i the share of the runs that asked about image i in which it was recognised. weights_C: of each class, 1 in
    all; the share of its test images gives accuracy, 1 / C macro recall. Few errors: as in `estimate`, of the classes
    that weigh anything.
    """
    runs = Spread.of(correct.recall_STN[0] @ weights_C)
    return _estimate(
        _over_images(correct.design, correct.moments, runs, weights_C), runs, "images+runs"
    )


@dataclass(frozen=True)
class Spread:
    """Over trainings (seeds or runs): their mean, the variance of that mean, and its degrees of freedom; of one training
    variance 0.
    """

    mean: float
    variance: float
    df: float

    @classmethod
    def of(cls, values_S: Floats) -> Spread:
        """That of one value a training."""
        several = len(values_S) > 1
        variance = float(values_S.var(ddof=1)) / len(values_S) if several else 0.0
        return cls(float(values_S.mean()), variance, len(values_S) - 1 if several else math.inf)


def _over_images(design: Design, found: Moments, runs: Spread, weights_C: Floats) -> Influence:
    """The mean over runs, with its standard error over images alone."""
    recall_M, asked_M = found.sum_M / np.maximum(design.queries_M, 1), design.queries_M > 0
    variance, counted_M = 0.0, np.zeros(len(asked_M), dtype=bool)
    for label, weight in enumerate(weights_C):
        own = asked_M & (design.labels_M == label)
        if weight > 0:
            counted_M |= own
            variance += (
                weight**2 * float(recall_M[own].var(ddof=1)) / own.sum() if own.sum() > 1 else 0.0
            )
    return Influence(
        runs.mean, math.sqrt(variance), int(counted_M.sum()), int((found.wrong_M & counted_M).sum())
    )


def _estimate(found: Influence, trainings: Spread, kind: Kind) -> Estimate:
    """The interval that adds the variance of the trainings to that of the images."""
    parts = (found.se, math.sqrt(trainings.variance))
    if found.wrong < FEW_ERRORS or found.se == 0:
        low, high = (
            wilson(found.mean, found.images)
            if found.wrong
            else (max(0.0, 1 - 3 / found.images), 1.0)
        )
        if trainings.variance > 0:
            reach = parts[1] * _t(0.975, trainings.df)
            low, high = (
                max(0.0, min(low, found.mean - reach)),
                min(1.0, max(high, found.mean + reach)),
            )
        return Estimate(found.mean, low, high, "wilson" if found.wrong else "rule-of-three", *parts)
    reach = _se_and_t(found, trainings, (0.975,))[1][0]
    return Estimate(
        found.mean, max(0.0, found.mean - reach), min(1.0, found.mean + reach), kind, *parts
    )


def _se_and_t(
    found: Influence, trainings: Spread, levels: Sequence[float]
) -> tuple[float, list[float], float]:
    """Standard error over images and trainings, its reach at each level, and Satterthwaite's degrees of freedom."""
    se = math.sqrt(found.se**2 + trainings.variance)
    df = _satterthwaite(found.se**2, found.images - 1, trainings.variance, trainings.df)
    return se, [se * _t(level, df) for level in levels], df


def _t(share: float, df: float) -> float:
    """The quantile of Student's t."""
    return float(special.stdtrit(df, share) if math.isfinite(df) else special.ndtri(share))


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def over_images(values_SM: Floats, labels_M: npt.NDArray[np.integer[Any]], *, share: bool) -> Mean:
    """The mean of what was measured on each image by each training, over other images of the same classes.

    SE^2 = sum_c (n_c / M)^2 s_c^2 / n_c, of an image's mean over trainings, and of several trainings the variance of their
    means, with Satterthwaite's degrees of freedom. share: it lies in 0 to 1; one that nearly all or nearly no images have
    (fewer than 10 apart from the rest) has Wilson's interval, in which 0 and 1 are no certainties. NaN without images; its
    bounds are where a class has one alone.
    """
    if not values_SM.size:
        return Mean(math.nan, math.nan, math.nan)
    value_M, images = values_SM.mean(0), values_SM.shape[1]
    classes = [value_M[labels_M == label] for label in np.unique(labels_M)]
    if min(map(len, classes)) < 2:
        return Mean(float(value_M.mean()), math.nan, math.nan)
    variance = sum(len(own) * float(own.var(ddof=1)) for own in classes) / images**2
    trainings = Spread.of(values_SM.mean(1))
    reach = _se_and_t(
        Influence(trainings.mean, math.sqrt(variance), images, images), trainings, (0.975,)
    )[1][0]
    low, high = trainings.mean - reach, trainings.mean + reach
    if (
        share
        and np.isin(values_SM, (0, 1)).all()
        and min(value_M.sum(), images - value_M.sum()) < FEW_ERRORS
    ):
        bounds = wilson(trainings.mean, images)
        low, high = min(low, bounds[0]), max(high, bounds[1])
    return (
        Mean(trainings.mean, max(0.0, low), min(1.0, high))
        if share
        else Mean(trainings.mean, low, high)
    )


@dataclass(frozen=True)
class Difference:
    """The paired difference of two mean accuracies: its 95 % and 90 % intervals, p of no difference, and the rule."""

    mean: float
    low: float
    high: float
    low90: float
    high90: float
    p: float
    kind: Kind


def difference(first: Correctness, second: Correctness) -> Difference:
    """How much more accurate the first baseline is than the second, on the same episodes.

    By the influence of the images on the difference, with the variance of each baseline's training seeds where it has
    several. Where fewer than 10 images were ever answered differently: McNemar's exact test on images, with Clopper and
    Pearson's interval for the share of them that speak for the first.
    """
    moments = apart(first, second)
    one, other = (Spread.of(group.accuracy_ST.mean(1)) for group in (first, second))
    seeds = Spread(one.mean - other.mean, one.variance + other.variance, min(one.df, other.df))
    kind: Kind = "image-influence+seeds" if seeds.variance > 0 else "image-influence"
    return _difference(first.design, moments, influence(first.design, moments), seeds, kind)


def difference_over_runs(first: Correctness, second: Correctness, weights_C: Floats) -> Difference:
    """As `difference`, over the same runs of a classification protocol: by their paired differences and by images, with the
    weights of `estimate_over_runs`, none of them 0.
    """
    moments = apart(first, second)
    runs = Spread.of((first.recall_STN[0] - second.recall_STN[0]) @ weights_C)
    return _difference(
        first.design,
        moments,
        _over_images(first.design, moments, runs, weights_C),
        runs,
        "images+runs",
    )


def _difference(
    design: Design, moments: Moments, found: Influence, trainings: Spread, kind: Kind
) -> Difference:
    """The interval and test that add the variance of the trainings to that of the images."""
    if found.wrong < FEW_ERRORS:
        return _mcnemar(design, moments, found)
    se, (reach, reach90), df = _se_and_t(found, trainings, (0.975, 0.95))
    p = 2 * float(special.stdtr(df, -abs(found.mean) / se)) if se > 0 else 1.0
    mean = found.mean
    return Difference(mean, mean - reach, mean + reach, mean - reach90, mean + reach90, p, kind)


def _mcnemar(design: Design, moments: Moments, found: Influence) -> Difference:
    """McNemar's exact test on images (1947), and an interval that covers both what it tests and how rare such images are.

    The share of them that speak for the first is bounded by Clopper and Pearson, their number by the Poisson distribution.
    Towards zero an image weighs as much as it differs on average over its queries; away from zero it weighs one, as images
    of other draws may differ wholly.
    """
    images = found.images
    apart_M = moments.sum_M / np.maximum(design.queries_M, 1)
    ours, theirs = int((apart_M > 0).sum()), int((apart_M < 0).sum())
    count = ours + theirs
    if count == 0:
        return Difference(
            found.mean, -3 / images, 3 / images, -2.3 / images, 2.3 / images, 1.0, "rule-of-three"
        )
    weight = float(np.abs(apart_M).sum()) / count / images
    bounds = []
    for level in (0.95, 0.90):
        tail = (1 - level) / 2
        least = float(special.betaincinv(ours, theirs + 1, tail)) if ours else 0.0
        most = float(special.betaincinv(ours + 1, theirs, 1 - tail)) if theirs else 1.0
        few, many = (
            float(special.gammaincinv(count, tail)),
            float(special.gammaincinv(count + 1, 1 - tail)),
        )
        for side, outward in ((2 * least - 1, least < 0.5), (2 * most - 1, most > 0.5)):
            bounds.append(side * (many / images if outward else few * weight))
    exact = min(1.0, 2 * float(special.bdtr(min(ours, theirs), count, 0.5)))
    p = (
        exact if found.mean * (ours - theirs) > 0 else 1.0
    )  # where count and size disagree nothing is decided
    low, high, low90, high90 = (
        side(found.mean, b) for side, b in zip((min, max, min, max), bounds, strict=True)
    )
    return Difference(found.mean, low, high, low90, high90, p, "mcnemar")


def holm(p: Sequence[float]) -> Floats:
    """p adjusted for all of them (Holm 1979), in the order given."""
    order = np.argsort(p)
    steps = np.asarray(p, dtype=np.float64)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def verdict(found: Difference, adjusted_p: float, margin: float) -> Verdict:
    """better or worse at 5 %; equivalent where the 90 % interval lies inside +-margin; else undecided."""
    if adjusted_p < 0.05:
        return "better" if found.mean > 0 else "worse"
    return "equivalent" if -margin < found.low90 and found.high90 < margin else "undecided"


def _satterthwaite(first: float, first_df: float, second: float, second_df: float) -> float:
    """Degrees of freedom of the sum of two variances (Satterthwaite 1946)."""
    parts = sum(part**2 / df for part, df in ((first, first_df), (second, second_df)) if part > 0)
    return (first + second) ** 2 / parts if parts else math.inf


def closed_half_width(accuracy_T: Floats) -> float:
    """1.96 * std / sqrt(T), the field's habit: it answers for other episodes of the same images alone. NaN if T = 1."""
    return (
        float(1.96 * accuracy_T.std(ddof=1) / math.sqrt(len(accuracy_T)))
        if len(accuracy_T) > 1
        else math.nan
    )


def disjoint_half_width(design: Design, accuracy_T: Floats) -> float:
    """Half of the 95 % interval (Student's t) over episodes that share no image; NaN where there are not two.

    The closed form over independent tasks (Lafargue et al. 2024, TMLR); the tasks here are those of the drawn episodes
    that come first and share no image with those before, which are fewer than a partition would hold.
    """
    accuracy = accuracy_T[design.disjoint]
    if len(accuracy) < 2:
        return math.nan
    return _t(0.975, len(accuracy) - 1) * float(accuracy.std(ddof=1)) / math.sqrt(len(accuracy))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of a share of `count` images."""
    z = float(special.ndtri(0.975))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return max(0.0, centre - reach), min(1.0, centre + reach)
