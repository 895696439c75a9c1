"""A mean accuracy with its interval over other images of the same classes and other trainings.

Shapes: T episodes, M test images, C test classes, S trainings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special  # scipy.stats takes a second to import

from fewshot_bench.stats import student
from fewshot_bench.stats.correctness import Correctness
from fewshot_bench.stats.design import AnyDesign
from fewshot_bench.stats.influence import Influence, influence, influence_over_runs
from fewshot_bench.stats.standard_error import FEWEST_DF, Spread, StandardError

__all__ = [
    "Estimate",
    "IntervalKind",
    "Mean",
    "closed_half_width",
    "disjoint_half_width",
    "estimate",
    "estimate_over_runs",
    "over_images",
    "with_interval",
]

Floats = npt.NDArray[np.float64]
IntervalKind = Literal[
    "images",
    "images+seeds",
    "images+runs",
    "never wrong",
    "too few images",
    "too few pairs",
    "too few drawn",
    "one episode",
    "too few trainings",
]

LEVEL = 0.95
FEWEST_DISJOINT = 3  # episodes
SMALLEST_SIZE = 1e-3  # of a beta distribution that covers everything between 0 and 1


@dataclass(frozen=True)
class Estimate:
    """A mean accuracy with its 95 % interval, NaN where there is none.

    kind: what the interval is over, or why it is not; se_images and se_seeds: the two parts of the
    standard error, over images (and episodes) and over trainings.
    """

    accuracy: float
    low: float
    high: float
    kind: IntervalKind
    se_images: float
    se_seeds: float

    @property
    def complement(self) -> Estimate:
        """One less the share, with its interval."""
        return replace(self, accuracy=1 - self.accuracy, low=1 - self.high, high=1 - self.low)


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def estimate(correctness: Correctness) -> Estimate:
    """Mean accuracy over episodes and seeds with its 95 % interval.

    The variance of the mean over seeds is added to that over images. Where so few seeds differ so
    much that less than two degrees of freedom are left, the interval is over images alone.
    """
    images = influence(correctness.design, correctness.moments)
    seeds = Spread.of(correctness.accuracy_S)
    kind: IntervalKind = "images+seeds" if correctness.seeds > 1 else "images"
    return with_interval(images, seeds, kind)


def estimate_over_runs(correctness: Correctness, weights_RC: Floats, trained: float) -> Estimate:
    """Weighted mean of class recalls over the runs of a classification protocol, with its interval.

    Each run is one episode of all classes, and `correctness` has one seed. The variance of the mean
    over runs is added to the variance over images, and so is what other train images than these
    would change:

        V = V_images + s^2 / S + min(1, m / (n - m)) * max(0, s^2 - V_images * (n / q - 1))

    s: standard deviation of S runs. Each trains on m of n images and is tested on q. In s^2 less
    the part of the test images lies tau^2 * (1 / m - 1 / n) of the train images; tau^2 / n is what
    all runs share. Where more than half of the images are trained on, the factor m / (n - m) would
    make noise of it.

    weights_RC: weight of each class in each run, with sum 1, or (C,), the same in all. Each class's
    share of the test images gives the accuracy; 1 / C gives the macro recall. trained: m / n.
    """
    design = correctness.design
    moments = correctness.moments
    images = influence_over_runs(design, moments, weights_RC)
    accuracy_S = (moments.recall_TN[:] * weights_RC).sum(1)
    runs = Spread.of(accuracy_S)
    if len(accuracy_S) > 1:
        tested = design.queries_TN.sum(1).mean() / len(design.labels_M)
        of_tests = images.variance_units * (1 / tested - 1)
        of_train_images = max(0.0, float(accuracy_S.var(ddof=1)) - of_tests)
        in_all_runs = min(1.0, trained / (1 - trained)) * of_train_images
        runs = Spread(runs.variance + in_all_runs, runs.df)
    return with_interval(images, runs, "images+runs")


def with_interval(images: Influence, trainings: Spread, kind: IntervalKind) -> Estimate:
    """The interval of a share between 0 and 1 whose variance is known."""
    error = images.error(trainings)
    if images.unknown:
        kind = images.unknown
        low = high = math.nan
    elif not images.is_ever_wrong:
        kind = "never wrong"
        low, high = _never_wrong(images.units)
    else:
        if error.df < FEWEST_DF:
            kind = "too few trainings"
            error = images.error(Spread(variance=0.0, df=math.inf))
        low, high = _jeffreys(images.mean, images.units, error)
    return Estimate(
        accuracy=images.mean,
        low=low,
        high=high,
        kind=kind,
        se_images=math.sqrt(images.variance),
        se_seeds=math.sqrt(trainings.variance),
    )


def _never_wrong(units: float) -> tuple[float, float]:
    """If none of n units is wrong, the accuracy is above 1 - 3 / n with 95 % confidence.

    exp(-3) is about 0.05 (rule of three: Hanley and Lippman-Hand 1983, J. Am. Med. Assoc. 249).
    """
    return max(0.0, 1 - 3 / units), 1.0


def _jeffreys(mean: float, units: float, error: StandardError) -> tuple[float, float]:
    """The interval of a share whose standard error is known: quantiles of a beta distribution.

        e = 1 - mean;  m = (M e + 1/2) / (M + 1);  u^2 = V * (t / z)^2 + 1/2 / M^2
        g = m (1 - m) / u^2 - 1;  interval = 1 - quantiles of Beta(m g, (1 - m) g)

    Jeffreys's interval of M units of which M e are wrong (Brown, Cai and DasGupta 2001, Statistical
    Science 16, section 4.1.2: half a unit is added to right and to wrong), with the variance V of
    the jackknife in the place of the binomial one; t, z: quantiles of Student's t and the normal
    distribution.
    """
    tail = (1 - LEVEL) / 2
    wrong = (units * (1 - mean) + 0.5) / (units + 1)
    widening = student.quantile(1 - tail, error.df) / student.quantile(1 - tail, math.inf)
    variance = (error.se * widening) ** 2 + 0.5 / units**2
    size = max(wrong * (1 - wrong) / variance - 1, SMALLEST_SIZE)
    tails = (tail, 1 - tail)
    most_wrong = special.betaincinv(wrong * size, (1 - wrong) * size, tails)
    low = 1 - float(most_wrong[1])
    high = 1 - float(most_wrong[0])
    return min(mean, low), max(mean, high)


def over_images(values_SM: Floats, labels_M: npt.NDArray[np.integer[Any]], *, share: bool) -> Mean:
    """Mean of a value measured on each image by each training, with its 95 % interval.

        V = sum_c (n_c / M)^2 * s_c^2 / n_c + s^2 / S

    n_c: images of class c; s_c: standard deviation over them of an image's mean over trainings;
    s: standard deviation of the mean over S trainings (no second term if S = 1).

    share: the values are between 0 and 1, and so are the bounds, as in `estimate`.

    The mean is NaN without images. The bounds are NaN if a class has a single image.
    """
    if values_SM.size == 0:
        return Mean(math.nan, math.nan, math.nan)
    value_M = values_SM.mean(0)
    images = len(value_M)
    mean = float(value_M.mean())
    variance = 0.0
    squares = 0.0
    for label in np.unique(labels_M):
        class_values = value_M[labels_M == label]
        size = len(class_values)
        if size < 2:
            return Mean(mean, math.nan, math.nan)
        of_class = size / images**2 * float(class_values.var(ddof=1))
        variance += of_class
        squares += of_class**2 / (size - 1)
    trainings = Spread.of(values_SM.mean(1))
    error = StandardError.of(variance, squares, trainings)
    if share:
        return Mean(mean, *_jeffreys(mean, images, error))
    half_width = error.half_width(LEVEL)
    return Mean(mean, mean - half_width, mean + half_width)


def closed_half_width(accuracy_T: Floats) -> float:
    """1.96 * std / sqrt(T): half the width of the interval that few-shot papers print.

    It covers other episodes of the same images only. NaN if T = 1.
    """
    episodes = len(accuracy_T)
    if episodes < 2:
        return math.nan
    return float(1.96 * accuracy_T.std(ddof=1) / math.sqrt(episodes))


def disjoint_half_width(design: AnyDesign, accuracy_T: Floats) -> float:
    """Half the width of the 95 % interval (Student's t) over episodes that share no image.

    The closed form over independent tasks (Lafargue et al. 2024, TMLR, "Oops, I Sampled it Again").
    Here the tasks are those drawn episodes that share no image; a partition of the images into
    tasks would hold more. NaN if there are fewer than three: two may agree by chance.
    """
    accuracy = accuracy_T[design.disjoint_episodes]
    episodes = len(accuracy)
    if episodes < FEWEST_DISJOINT:
        return math.nan
    t = student.quantile(0.975, episodes - 1)
    return t * float(accuracy.std(ddof=1)) / math.sqrt(episodes)
