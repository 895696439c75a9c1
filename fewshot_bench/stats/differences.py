"""Paired differences between two baselines on the same episodes: intervals, tests and verdicts.

Shapes: T episodes, R runs, C test classes, M test images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special  # scipy.stats takes a second to import

from fewshot_bench.stats.correctness import (
    Correctness,
    Design,
    Moments,
    difference_moments,
    mean_by_image,
)
from fewshot_bench.stats.intervals import (
    FEW_ERRORS,
    Influence,
    IntervalKind,
    Spread,
    StandardError,
    influence,
    influence_over_runs,
)

__all__ = [
    "Difference",
    "Verdict",
    "difference",
    "difference_over_runs",
    "holm",
    "verdict",
]

Floats = npt.NDArray[np.float64]
Verdict = Literal["better", "worse", "equivalent", "undecided"]

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Difference:
    """The paired difference of two mean accuracies, first minus second.

    low and high: 95 % interval; low90 and high90: 90 % interval; p: two-sided p-value of "no
    difference"; kind: how interval and p were computed.
    """

    mean: float
    low: float
    high: float
    low90: float
    high90: float
    p: float
    kind: IntervalKind


def difference(first: Correctness, second: Correctness) -> Difference:
    """How much more accurate the first baseline is than the second on the same episodes.

    The standard error comes from the influence of each image on the difference. The variances of
    the two means over training seeds are added to it. If the baselines answered fewer than 10
    images differently, McNemar's exact test on images is used.
    """
    moments = difference_moments(first, second)
    images = influence(first.design, moments)
    first_seeds = Spread.of(first.accuracy_ST.mean(1))
    second_seeds = Spread.of(second.accuracy_ST.mean(1))
    # The smaller number of degrees of freedom is on the safe side.
    seeds = Spread(
        mean=first_seeds.mean - second_seeds.mean,
        variance=first_seeds.variance + second_seeds.variance,
        df=min(first_seeds.df, second_seeds.df),
    )
    kind: IntervalKind = "image-influence"
    if seeds.variance > 0:
        kind = "image-influence+seeds"
    return _difference(first.design, moments, images, seeds, kind)


def difference_over_runs(first: Correctness, second: Correctness, weights_C: Floats) -> Difference:
    """As `difference`, on the same runs of a classification protocol.

    The standard error comes from the differences in each run and for each image.

    weights_C: as in `estimate_over_runs`, all above 0.
    """
    moments = difference_moments(first, second)
    first_recall_RC = first.recall_STN[0]
    second_recall_RC = second.recall_STN[0]
    runs = Spread.of((first_recall_RC - second_recall_RC) @ weights_C)
    images = influence_over_runs(first.design, moments, runs.mean, weights_C)
    return _difference(first.design, moments, images, runs, "images+runs")


def _difference(
    design: Design, moments: Moments, images: Influence, trainings: Spread, kind: IntervalKind
) -> Difference:
    """Interval and t-test over images and trainings, or McNemar's test."""
    if images.wrong < FEW_ERRORS:
        return _mcnemar(design, moments, images)
    error = StandardError.combined(images.se, images.images, trainings)
    mean = images.mean
    p = 1.0
    if error.se > 0:
        tail = float(special.stdtr(error.df, -abs(mean) / error.se))
        p = 2 * tail
    half_width = error.half_width(0.95)
    half_width90 = error.half_width(0.90)
    return Difference(
        mean=mean,
        low=mean - half_width,
        high=mean + half_width,
        low90=mean - half_width90,
        high90=mean + half_width90,
        p=p,
        kind=kind,
    )


def _mcnemar(design: Design, moments: Moments, images: Influence) -> Difference:
    """McNemar's exact test on images (McNemar 1947, Psychometrika 12), with an interval.

    An image favours the baseline that was correct on it more often. Under "no difference" the
    number of images that favour the first is binomial with probability 1/2.
    """
    mean = images.mean
    difference_M = mean_by_image(design, moments)
    for_first = int((difference_M > 0).sum())
    for_second = int((difference_M < 0).sum())
    discordant = for_first + for_second
    if discordant == 0:
        # Rule of three: exp(-3) is about 0.05, exp(-2.3) about 0.10.
        bound = 3 / images.images
        bound90 = 2.3 / images.images
        return Difference(mean, -bound, bound, -bound90, bound90, p=1.0, kind="rule-of-three")

    p = 1.0  # where most images favour one baseline and the mean the other, nothing is decided
    if mean * (for_first - for_second) > 0:
        tail = float(special.bdtr(min(for_first, for_second), discordant, 0.5))
        p = min(1.0, 2 * tail)
    mean_size = float(np.abs(difference_M).sum()) / discordant
    low, high = _mcnemar_bounds(for_first, for_second, mean_size, images.images, level=0.95)
    low90, high90 = _mcnemar_bounds(for_first, for_second, mean_size, images.images, level=0.90)
    return Difference(
        mean=mean,
        low=min(mean, low),
        high=max(mean, high),
        low90=min(mean, low90),
        high90=max(mean, high90),
        p=p,
        kind="mcnemar",
    )


def _mcnemar_bounds(
    for_first: int, for_second: int, mean_size: float, images: int, *, level: float
) -> tuple[float, float]:
    """Bounds of the mean difference, from the images that favour one of the two baselines.

    Two things are uncertain: which share of such images favours the first, and how many such images
    there are. The share has the exact interval of Clopper and Pearson (1934, Biometrika 26), the
    number that of the Poisson distribution (Garwood 1936, Biometrika 28).

    mean_size: mean absolute difference of such an image over its queries. A bound towards zero uses
    it. A bound away from zero uses 1, as images of another draw may differ in all queries.
    """
    discordant = for_first + for_second
    tail = (1 - level) / 2
    share_low = 0.0
    if for_first:
        share_low = float(special.betaincinv(for_first, for_second + 1, tail))
    share_high = 1.0
    if for_second:
        share_high = float(special.betaincinv(for_first + 1, for_second, 1 - tail))
    count_low = float(special.gammaincinv(discordant, tail))
    count_high = float(special.gammaincinv(discordant + 1, 1 - tail))

    weight = mean_size / images
    smallest = count_low * weight
    largest = count_high / images
    # From -1 (all such images favour the second) to 1 (all favour the first).
    balance_low = 2 * share_low - 1
    balance_high = 2 * share_high - 1
    low = balance_low * (largest if balance_low < 0 else smallest)
    high = balance_high * (largest if balance_high > 0 else smallest)
    return low, high


def holm(p: Sequence[float]) -> Floats:
    """p-values adjusted for their number (Holm 1979, Scand. J. Statist. 6), in the given order.

    The i-th smallest of m is multiplied by m - i + 1, and none is smaller than the one before.
    """
    order = np.argsort(p)
    sorted_p = np.asarray(p, dtype=np.float64)[order]
    factors = np.arange(len(p), 0, -1)
    increasing = np.maximum.accumulate(sorted_p * factors)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(increasing, 1.0)
    return adjusted


def verdict(paired: Difference, adjusted_p: float, margin: float) -> Verdict:
    """Is the first baseline better than the second?

    better or worse: the adjusted p is below 5 %; equivalent: the 90 % interval is inside +-margin
    (two one-sided tests, Schuirmann 1987, J. Pharmacokinet. Biopharm. 15); else undecided.
    """
    if adjusted_p < SIGNIFICANCE:
        return "better" if paired.mean > 0 else "worse"
    if -margin < paired.low90 and paired.high90 < margin:
        return "equivalent"
    return "undecided"
