"""95 % intervals of mean accuracies: pure functions over the sums in `correctness`.

Shapes: T episodes, C test classes, N ways, K shots, M test images, S trainings (seeds, or runs of a
classification protocol).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import special  # scipy.stats takes a second to import

from fewshot_bench.stats import student
from fewshot_bench.stats.correctness import Correctness, Design, Moments, mean_by_image

__all__ = [
    "FEW_ERRORS",
    "Estimate",
    "Influence",
    "IntervalKind",
    "Mean",
    "Spread",
    "StandardError",
    "closed_half_width",
    "disjoint_half_width",
    "estimate",
    "estimate_over_runs",
    "influence",
    "influence_over_runs",
    "over_images",
    "wilson",
]

Floats = npt.NDArray[np.float64]
IntervalKind = Literal[
    "image-influence",
    "image-influence+seeds",
    "images+runs",
    "wilson",
    "rule-of-three",
    "mcnemar",
]

FEW_ERRORS = 10  # with fewer images ever wrong, the influence understates the standard error


@dataclass(frozen=True)
class Influence:
    """A mean over episodes with its standard error over other images and other episodes.

    images: number of images that are a query; wrong: how many of them were answered wrongly at
    least once (of a difference: by the two baselines differently).
    """

    mean: float
    se: float
    images: int
    wrong: int


@dataclass(frozen=True)
class Spread:
    """How a value varies between trainings (seeds or runs).

    mean: over trainings; variance: of this mean, 0 with a single training; df: degrees of freedom
    of the variance, infinite with a single training.
    """

    mean: float
    variance: float
    df: float

    @classmethod
    def of(cls, values_S: Floats) -> Spread:
        """The spread of one value a training."""
        trainings = len(values_S)
        mean = float(values_S.mean())
        if trainings == 1:
            return cls(mean, variance=0.0, df=math.inf)
        variance = float(values_S.var(ddof=1)) / trainings
        return cls(mean, variance, df=trainings - 1)


@dataclass(frozen=True)
class StandardError:
    """A standard error over images and trainings, with its degrees of freedom."""

    se: float
    df: float

    @classmethod
    def combined(cls, se_images: float, images: int, trainings: Spread) -> StandardError:
        """Add the variance over `images` images and the variance over trainings."""
        variance_images = se_images**2
        df_images = images - 1
        df = student.satterthwaite(variance_images, df_images, trainings.variance, trainings.df)
        variance = variance_images + trainings.variance
        return cls(math.sqrt(variance), df)

    def half_width(self, level: float) -> float:
        """Half the width of the interval at a confidence level, such as 0.95."""
        probability = (1 + level) / 2
        t = student.quantile(probability, self.df)
        return self.se * t


@dataclass(frozen=True)
class Estimate:
    """A mean accuracy with its 95 % interval.

    kind: how the interval was computed; se_images and se_seeds: the two parts of the standard
    error, over images (and episodes) and over trainings.
    """

    accuracy: float
    low: float
    high: float
    kind: IntervalKind
    se_images: float
    se_seeds: float


@dataclass(frozen=True)
class Mean:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


def influence(design: Design, moments: Moments) -> Influence:
    """Image-influence (infinitesimal-jackknife) standard error of a mean accuracy or difference.

        IF_i    = K * (s_i - theta) + (r_i - theta_c) / N           for image i of class c
        noise_c = mean_i [K^2 * Var(A) / #S_i + v_i / (N^2 * #Q_i)]
        SE^2    = sum_c w_c^2 * max(0, Var_i(IF_i) - noise_c) / n_c + Var(A) / T

    A: accuracy of an episode; theta: mean of A over the episodes that contain class c, and Var(A)
    its variance over them (in the last term over all T episodes); w_c: share of episodes that
    contain class c. s_i: mean of A over the episodes with image i in support (theta if there is
    none, and no noise); r_i and v_i: mean and variance of the correctness of image i as a query;
    theta_c: mean of r_i over the class; #S_i, #Q_i: how often image i is support, query; n_c:
    images of class c that are a query.

    Infinitesimal jackknife of a mean over resamples: Efron 2014, J. Am. Stat. Assoc. 109. Its noise
    correction: Wager, Hastie and Efron 2014, J. Mach. Learn. Res. 15. Here an image has two roles.
    """
    _, ways, shots = design.support_TNK.shape
    accuracy_T = moments.accuracy_T
    episodes = len(accuracy_T)
    images = len(design.labels_M)

    # The sum of A over the episodes with the image in support.
    support_accuracies = np.repeat(accuracy_T, ways * shots)
    support_sum_M = np.bincount(design.support_TNK.ravel(), support_accuracies, images)
    recall_M = mean_by_image(design, moments)
    mean_square_M = moments.square_M / np.maximum(design.queries_M, 1)
    recall_variance_M = mean_square_M - np.square(recall_M)
    is_query_M = design.queries_M > 0

    variance = 0.0
    if episodes > 1:
        variance = accuracy_T.var(ddof=1) / episodes
    for label, has_class_T in enumerate(design.has_class_TC.T):
        in_class_M = (design.labels_M == label) & is_query_M
        class_size = in_class_M.sum()
        if class_size < 2 or has_class_T.sum() < 2:
            continue
        theta = accuracy_T[has_class_T].mean()
        accuracy_variance = accuracy_T[has_class_T].var(ddof=1)

        # I: the images of this class.
        supports_I = design.supports_M[in_class_M]
        is_support_I = supports_I > 0
        support_divisor_I = np.maximum(supports_I, 1)
        mean_accuracy_I = support_sum_M[in_class_M] / support_divisor_I
        as_support_I = np.where(is_support_I, mean_accuracy_I - theta, 0.0)
        recall_I = recall_M[in_class_M]
        influence_I = shots * as_support_I + (recall_I - recall_I.mean()) / ways

        support_variance_I = shots**2 * accuracy_variance / support_divisor_I
        support_noise_I = np.where(is_support_I, support_variance_I, 0.0)
        query_divisor_I = ways**2 * design.queries_M[in_class_M]
        noise_I = support_noise_I + recall_variance_M[in_class_M] / query_divisor_I

        weight = has_class_T.mean()
        image_variance = max(0.0, influence_I.var(ddof=1) - noise_I.mean())
        variance += weight**2 * image_variance / class_size
    return Influence(
        mean=float(accuracy_T.mean()),
        se=math.sqrt(variance),
        images=int(is_query_M.sum()),
        wrong=int(moments.wrong_M.sum()),
    )


def influence_over_runs(
    design: Design, moments: Moments, mean: float, weights_C: Floats
) -> Influence:
    """Standard error over images of a weighted mean of class recalls, over runs of a protocol.

        SE^2 = sum_c w_c^2 * Var_i(r_i) / n_c

    mean: the weighted mean itself; w_c: weight of class c; r_i: mean correctness of image i over
    the runs that tested it; n_c: tested images of class c. A class of one image adds nothing.
    Images of classes with weight 0 are not counted.
    """
    recall_M = mean_by_image(design, moments)
    is_query_M = design.queries_M > 0
    is_counted_M = np.zeros(len(is_query_M), dtype=bool)
    variance = 0.0
    for label, weight in enumerate(weights_C):
        if weight <= 0:
            continue
        in_class_M = is_query_M & (design.labels_M == label)
        is_counted_M |= in_class_M
        class_size = in_class_M.sum()
        if class_size > 1:
            class_variance = float(recall_M[in_class_M].var(ddof=1))
            variance += weight**2 * class_variance / class_size
    is_wrong_M = moments.wrong_M & is_counted_M
    return Influence(
        mean=mean,
        se=math.sqrt(variance),
        images=int(is_counted_M.sum()),
        wrong=int(is_wrong_M.sum()),
    )


def estimate(correctness: Correctness) -> Estimate:
    """Mean accuracy over episodes and seeds with its 95 % interval.

    The variance of the mean over seeds is added to the variance over images.
    If fewer than 10 images were ever wrong, Wilson's interval over images is used; if none was, the
    rule of three.
    """
    images = influence(correctness.design, correctness.moments)
    accuracy_S = correctness.accuracy_ST.mean(1)
    seeds = Spread.of(accuracy_S)
    if correctness.seeds > 1:
        return _estimate(images, seeds, "image-influence+seeds")
    return _estimate(images, seeds, "image-influence")


def estimate_over_runs(correctness: Correctness, weights_C: Floats) -> Estimate:
    """Weighted mean of class recalls over the runs of a classification protocol, with its interval.

    Each run is one episode of all classes, and `correctness` has one seed. The variance of the mean
    over runs is added to the variance over images. Few errors: as in `estimate`, counted in the
    classes with a weight above 0.

    weights_C: weight of each class, with sum 1. Each class's share of the test images gives the
    accuracy; 1 / C gives the macro recall.
    """
    design = correctness.design
    recall_RC = correctness.recall_STN[0]
    runs = Spread.of(recall_RC @ weights_C)
    images = influence_over_runs(design, correctness.moments, runs.mean, weights_C)
    return _estimate(images, runs, "images+runs")


def _estimate(images: Influence, trainings: Spread, kind: IntervalKind) -> Estimate:
    """The interval over images and trainings, within 0 and 1."""
    mean = images.mean
    has_few_errors = images.wrong < FEW_ERRORS or images.se == 0
    if has_few_errors:
        kind = "wilson" if images.wrong else "rule-of-three"
        low, high = _few_errors_bounds(images, trainings)
    else:
        error = StandardError.combined(images.se, images.images, trainings)
        half_width = error.half_width(0.95)
        low = max(0.0, mean - half_width)
        high = min(1.0, mean + half_width)
    return Estimate(mean, low, high, kind, images.se, math.sqrt(trainings.variance))


def _few_errors_bounds(images: Influence, trainings: Spread) -> tuple[float, float]:
    """Wilson's interval, or the rule of three, widened to the interval over trainings.

    Rule of three: if none of n images is wrong, the accuracy is above 1 - 3 / n with 95 %
    confidence, as exp(-3) is about 0.05 (Hanley and Lippman-Hand 1983, J. Am. Med. Assoc. 249).
    """
    if images.wrong:
        low, high = wilson(images.mean, images.images)
    else:
        low = max(0.0, 1 - 3 / images.images)
        high = 1.0
    if trainings.variance > 0:
        se_trainings = math.sqrt(trainings.variance)
        half_width = se_trainings * student.quantile(0.975, trainings.df)
        low = max(0.0, min(low, images.mean - half_width))
        high = min(1.0, max(high, images.mean + half_width))
    return low, high


def over_images(values_SM: Floats, labels_M: npt.NDArray[np.integer[Any]], *, share: bool) -> Mean:
    """Mean of a value measured on each image by each training, with its 95 % interval.

        SE^2 = sum_c (n_c / M)^2 * s_c^2 / n_c + s^2 / S

    n_c: images of class c; s_c: standard deviation over them of an image's mean over trainings;
    s: standard deviation of the mean over S trainings (no second term if S = 1).

    share: the values are between 0 and 1, and so are the bounds. If all values are 0 or 1 and fewer
    than 10 images differ from the rest, the interval includes Wilson's.

    The mean is NaN without images. The bounds are NaN if a class has a single image.
    """
    if values_SM.size == 0:
        return Mean(math.nan, math.nan, math.nan)
    value_M = values_SM.mean(0)
    images = len(value_M)
    weighted_variance = 0.0
    for label in np.unique(labels_M):
        class_values = value_M[labels_M == label]
        if len(class_values) < 2:
            return Mean(float(value_M.mean()), math.nan, math.nan)
        weighted_variance += len(class_values) * float(class_values.var(ddof=1))
    se_images = math.sqrt(weighted_variance / images**2)

    trainings = Spread.of(values_SM.mean(1))
    mean = trainings.mean
    half_width = StandardError.combined(se_images, images, trainings).half_width(0.95)
    low = mean - half_width
    high = mean + half_width
    if not share:
        return Mean(mean, low, high)

    is_binary = np.isin(values_SM, (0, 1)).all()
    few = min(value_M.sum(), images - value_M.sum()) < FEW_ERRORS
    if is_binary and few:
        wilson_low, wilson_high = wilson(mean, images)
        low = min(low, wilson_low)
        high = max(high, wilson_high)
    return Mean(mean, max(0.0, low), min(1.0, high))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share p of n images (Wilson 1927, J. Am. Stat. Assoc. 22).

        (p + z^2 / (2 n) +- z * sqrt(p (1 - p) / n + z^2 / (4 n^2))) / (1 + z^2 / n)

    z: the 97.5 % quantile of the normal distribution. (Form of the equation: Brown, Cai and
    DasGupta 2001, Statistical Science 16, equation 4.)
    """
    z = float(special.ndtri(0.975))
    scale = 1 + z**2 / count
    shift = z**2 / (2 * count)
    centre = (share + shift) / scale
    share_variance = share * (1 - share) / count
    variance = share_variance + z**2 / (4 * count**2)
    half_width = z * math.sqrt(variance) / scale
    low = max(0.0, centre - half_width)
    high = min(1.0, centre + half_width)
    return low, high


def closed_half_width(accuracy_T: Floats) -> float:
    """1.96 * std / sqrt(T): half the width of the interval that few-shot papers print.

    It covers other episodes of the same images only. NaN if T = 1.
    """
    episodes = len(accuracy_T)
    if episodes < 2:
        return math.nan
    return float(1.96 * accuracy_T.std(ddof=1) / math.sqrt(episodes))


def disjoint_half_width(design: Design, accuracy_T: Floats) -> float:
    """Half the width of the 95 % interval (Student's t) over episodes that share no image.

    The closed form over independent tasks (Lafargue et al. 2024, TMLR, "Oops, I Sampled it Again").
    Here the tasks are those drawn episodes that share no image; a partition of the images into
    tasks would hold more. NaN if there are fewer than two.
    """
    accuracy = accuracy_T[design.disjoint_episodes]
    episodes = len(accuracy)
    if episodes < 2:
        return math.nan
    t = student.quantile(0.975, episodes - 1)
    return t * float(accuracy.std(ddof=1)) / math.sqrt(episodes)
