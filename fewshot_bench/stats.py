"""Intervals over episodes, as pure functions over arrays.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, S training seeds.
Images are positions in [0, M); a query position below 0 is padding. Correctness is 0 or 1, or its mean over seeds; a
paired difference of two baselines may stand in its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = [
    "Design", "Difference", "Estimate", "Influence", "Kind", "closed_half_width", "difference", "disjoint_half_width",
    "estimate", "holm", "influence", "verdict", "wilson",
]  # fmt: skip

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Kind = Literal["image-influence", "image-influence+seeds", "wilson", "rule-of-three", "mcnemar"]
Verdict = Literal["better", "worse", "equivalent", "undecided"]

FEW_ERRORS = 10  # distinct images ever wrong, below which influence understates the error
ENOUGH_EPISODES = 2000
ENOUGH_APPEARANCES = 5  # of an image in support, on average


@dataclass(frozen=True, eq=False)
class Design:
    """What was asked: classes (T, N), support (T, N, K) and query (T, N, Q) images, and the class of each image (M,)."""

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    labels_M: Ints

    @cached_property
    def asked_TNQ(self) -> npt.NDArray[np.bool_]:
        """True where there is a query."""
        return np.asarray(self.query_TNQ >= 0)

    @cached_property
    def holds_TC(self) -> npt.NDArray[np.bool_]:
        """Which episodes hold which classes."""
        holds = np.zeros((len(self.classes_TN), int(self.labels_M.max()) + 1), dtype=bool)
        np.put_along_axis(holds, self.classes_TN, True, axis=1)
        return holds

    @cached_property
    def query(self) -> Ints:
        """The image of each query, padding left out."""
        return np.asarray(self.query_TNQ[self.asked_TNQ])

    @cached_property
    def queries_M(self) -> Ints:
        """How often each image is a query."""
        return np.bincount(self.query, minlength=len(self.labels_M))

    @cached_property
    def supports_M(self) -> Ints:
        """How often each image is support."""
        return np.bincount(self.support_TNK.ravel(), minlength=len(self.labels_M))

    def first(self, episodes: int) -> Design:
        """The design of the first so many episodes."""
        if episodes == len(self.classes_TN):
            return self
        part = slice(0, episodes)
        return Design(self.classes_TN[part], self.support_TNK[part], self.query_TNQ[part], self.labels_M)

    def episodes_needed(self) -> int:
        """Episodes that an influence interval needs, if there are fewer, else 0."""
        shots = self.support_TNK.shape[2]
        share_C, size_C = self.holds_TC.mean(0), np.bincount(self.labels_M)
        with np.errstate(divide="ignore"):
            each_C = np.ceil(ENOUGH_APPEARANCES * size_C / (shots * share_C))
        needed = max(ENOUGH_EPISODES, int(each_C[share_C > 0].max()))
        return needed if len(self.classes_TN) < needed else 0

    def accuracy_T(self, correct_TNQ: Floats) -> Floats:
        """Accuracy of each episode: the mean of its class recalls."""
        asked = self.asked_TNQ
        return np.asarray((np.where(asked, correct_TNQ, 0).sum(2) / asked.sum(2)).mean(1))


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


def influence(design: Design, correct_TNQ: Floats, *, right: float = 1.0) -> Influence:
    """Image-influence (infinitesimal-jackknife) standard error of the mean accuracy.

    The influence of image i of class c is K*(s_i - theta) + (r_i - theta_c)/N, with s_i the mean accuracy of the
    episodes that have it in support and r_i its own recall; what sampling of episodes adds to its variance is taken off
    (Efron 2014, J. Am. Stat. Assoc. 109, on bagging; here for two roles of an image).
    right: the correctness that is no error, 1 for a single baseline and 0 for a difference.
    """
    ways, shots, images = *design.support_TNK.shape[1:], len(design.labels_M)
    accuracy_T = design.accuracy_T(correct_TNQ)
    supports_M, queries_M = design.supports_M, design.queries_M
    weights = np.broadcast_to(accuracy_T[:, None, None], design.support_TNK.shape).ravel()
    total_M = np.bincount(design.support_TNK.ravel(), weights, images)

    query, answers = design.query, correct_TNQ[design.asked_TNQ]
    recall_M = np.bincount(query, answers, images) / np.maximum(queries_M, 1)
    spread_M = np.bincount(query, np.square(answers), images) / np.maximum(queries_M, 1) - np.square(recall_M)

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
        noise = np.where(seen, shots**2 * var / times, 0.0) + spread_M[own] / (ways**2 * queries_M[own])
        variance += holds_T.mean() ** 2 * max(0.0, influence_I.var(ddof=1) - noise.mean()) / own.sum()

    wrong = np.bincount(query, answers != right, images) > 0
    return Influence(float(accuracy_T.mean()), math.sqrt(variance), int((queries_M > 0).sum()), int(wrong.sum()))


def estimate(design: Design, correct_STNQ: Sequence[Floats]) -> Estimate:
    """Mean accuracy over episodes and seeds with its 95 % interval.

    Over S > 1 seeds the variance of their means is added to the influence of the images on the mean correctness, with
    Satterthwaite's degrees of freedom. Where fewer than 10 images were ever wrong: Wilson's interval over images, or the
    rule of three where none was.
    """
    seeds = len(correct_STNQ)
    found = influence(design, np.mean(np.asarray(correct_STNQ, dtype=np.float64), axis=0))
    means = np.array([design.accuracy_T(correct).mean() for correct in correct_STNQ])
    seed_variance = means.var(ddof=1) / seeds if seeds > 1 else 0.0
    if found.wrong < FEW_ERRORS or found.se == 0:
        low, high = wilson(found.mean, found.images) if found.wrong else (max(0.0, 1 - 3 / found.images), 1.0)
        kind: Kind = "wilson" if found.wrong else "rule-of-three"
        if seeds > 1:
            reach = math.sqrt(seed_variance) * float(stats.t.ppf(0.975, seeds - 1))
            low, high = max(0.0, min(low, found.mean - reach)), min(1.0, max(high, found.mean + reach))
        return Estimate(found.mean, low, high, kind, found.se, math.sqrt(seed_variance))
    total = found.se**2 + seed_variance
    df = _satterthwaite(found.se**2, len(design.labels_M) - 1, seed_variance, seeds - 1)
    reach = math.sqrt(total) * float(stats.t.ppf(0.975, df))
    kind = "image-influence+seeds" if seeds > 1 else "image-influence"
    low, high = max(0.0, found.mean - reach), min(1.0, found.mean + reach)
    return Estimate(found.mean, low, high, kind, found.se, math.sqrt(seed_variance))


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


def difference(design: Design, first_STNQ: Sequence[Floats], second_STNQ: Sequence[Floats]) -> Difference:
    """How much more accurate the first baseline is than the second, on the same episodes.

    By the influence of the images on the difference, with the variance of each baseline's training seeds where it has
    several. Where fewer than 10 images were ever answered differently: McNemar's exact test on images, with Clopper and
    Pearson's interval for the share of them that speak for the first.
    """
    means, seed_variance, least_df = [], 0.0, math.inf
    for group in (first_STNQ, second_STNQ):
        seeds = np.array([design.accuracy_T(correct).mean() for correct in group])
        if len(seeds) > 1:
            seed_variance += seeds.var(ddof=1) / len(seeds)
            least_df = min(least_df, len(seeds) - 1)
        means.append(np.mean(np.asarray(group, dtype=np.float64), axis=0))
    apart_TNQ = means[0] - means[1]
    found = influence(design, apart_TNQ, right=0.0)
    if found.wrong < FEW_ERRORS:
        return _mcnemar(design, apart_TNQ, found)
    se = math.sqrt(found.se**2 + seed_variance)
    df = _satterthwaite(found.se**2, len(design.labels_M) - 1, seed_variance, least_df)
    reach, reach90 = (se * float(stats.t.ppf(level, df)) for level in (0.975, 0.95))
    p = 2 * float(stats.t.sf(abs(found.mean) / se, df)) if se > 0 else 1.0
    kind: Kind = "image-influence+seeds" if seed_variance > 0 else "image-influence"
    mean = found.mean
    return Difference(mean, mean - reach, mean + reach, mean - reach90, mean + reach90, p, kind)


def _mcnemar(design: Design, apart_TNQ: Floats, found: Influence) -> Difference:
    """McNemar's exact test on images (1947), and an interval that covers both what it tests and how rare such images are.

    The share of them that speak for the first is bounded by Clopper and Pearson, their number by the Poisson distribution.
    Towards zero an image weighs as much as it differs on average over its queries; away from zero it weighs one, as images
    of other draws may differ wholly.
    """
    images = found.images
    apart_M = np.bincount(design.query, apart_TNQ[design.asked_TNQ], len(design.labels_M)) / np.maximum(design.queries_M, 1)
    ours, theirs = int((apart_M > 0).sum()), int((apart_M < 0).sum())
    count = ours + theirs
    if count == 0:
        return Difference(found.mean, -3 / images, 3 / images, -2.3 / images, 2.3 / images, 1.0, "rule-of-three")
    test = stats.binomtest(ours, count)
    weight = float(np.abs(apart_M).sum()) / count / images
    bounds = []
    for level in (0.95, 0.90):
        shares = test.proportion_ci(confidence_level=level, method="exact")
        few, many = stats.chi2.ppf((1 - level) / 2, 2 * count) / 2, stats.chi2.ppf((1 + level) / 2, 2 * count + 2) / 2
        for side, outward in ((2 * shares.low - 1, shares.low < 0.5), (2 * shares.high - 1, shares.high > 0.5)):
            bounds.append(float(side * (many / images if outward else few * weight)))
    p = float(test.pvalue) if found.mean * (ours - theirs) > 0 else 1.0  # where count and size disagree nothing is decided
    low, high, low90, high90 = (side(found.mean, b) for side, b in zip((min, max, min, max), bounds, strict=True))
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
    return float(1.96 * accuracy_T.std(ddof=1) / math.sqrt(len(accuracy_T))) if len(accuracy_T) > 1 else math.nan


def disjoint_half_width(design: Design, correct_TNQ: Floats) -> float:
    """Half of the 95 % interval (Student's t) over episodes that share no image; NaN where there are not two.

    The closed form over independent tasks (Lafargue et al. 2024, TMLR); the tasks here are those of the drawn episodes
    that come first and share no image with those before, which are fewer than a partition would hold.
    """
    free, chosen = np.ones(len(design.labels_M), dtype=bool), []
    for t, (support, query) in enumerate(zip(design.support_TNK, design.query_TNQ, strict=True)):
        images = np.concatenate([support.ravel(), query[query >= 0]])
        if free[images].all():
            free[images] = False
            chosen.append(t)
    accuracy = design.accuracy_T(correct_TNQ)[chosen]
    if len(accuracy) < 2:
        return math.nan
    return float(stats.t.ppf(0.975, len(accuracy) - 1) * accuracy.std(ddof=1) / math.sqrt(len(accuracy)))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of a share of `count` images."""
    z = float(stats.norm.ppf(0.975))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return max(0.0, centre - reach), min(1.0, centre + reach)
