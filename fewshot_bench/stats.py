"""Intervals over episodes, as pure functions over arrays.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, S training seeds.
Images are positions in [0, M); a query position below 0 is padding. Correctness is 0 or 1, or its mean over seeds; a
paired difference of two baselines may stand in its place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

__all__ = ["Design", "Estimate", "Influence", "Kind", "closed_half_width", "estimate", "influence", "wilson"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Kind = Literal["image-influence", "image-influence+seeds", "wilson", "rule-of-three"]

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

    @property
    def asked_TNQ(self) -> npt.NDArray[np.bool_]:
        """True where there is a query."""
        return np.asarray(self.query_TNQ >= 0)

    def holds_TC(self) -> npt.NDArray[np.bool_]:
        """Which episodes hold which classes."""
        holds = np.zeros((len(self.classes_TN), int(self.labels_M.max()) + 1), dtype=bool)
        np.put_along_axis(holds, self.classes_TN, True, axis=1)
        return holds

    def episodes_needed(self) -> int:
        """Episodes that an influence interval needs, if there are fewer, else 0."""
        shots = self.support_TNK.shape[2]
        share_C, size_C = self.holds_TC().mean(0), np.bincount(self.labels_M)
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
    asked = design.asked_TNQ
    shots, ways, images = design.support_TNK.shape[2], design.support_TNK.shape[1], len(design.labels_M)
    accuracy_T = design.accuracy_T(correct_TNQ)
    supports_M = np.bincount(design.support_TNK.ravel(), minlength=images)
    weights = np.broadcast_to(accuracy_T[:, None, None], design.support_TNK.shape).ravel()
    total_M = np.bincount(design.support_TNK.ravel(), weights, images)

    query, answers = design.query_TNQ[asked], correct_TNQ[asked]
    queries_M = np.bincount(query, minlength=images)
    recall_M = np.bincount(query, answers, images) / np.maximum(queries_M, 1)
    spread_M = np.bincount(query, np.square(answers), images) / np.maximum(queries_M, 1) - np.square(recall_M)

    variance = accuracy_T.var(ddof=1) / len(accuracy_T) if len(accuracy_T) > 1 else 0.0
    for label, holds_T in enumerate(design.holds_TC().T):
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
    if found.wrong < FEW_ERRORS:
        low, high = wilson(found.mean, found.images) if found.wrong else (1 - 3 / found.images, 1.0)
        kind: Kind = "wilson" if found.wrong else "rule-of-three"
        return Estimate(found.mean, low, high, kind, found.se, math.sqrt(seed_variance))
    total = found.se**2 + seed_variance
    reach = math.sqrt(total) * _quantile(found.se**2, len(design.labels_M) - 1, seed_variance, seeds - 1)
    kind = "image-influence+seeds" if seeds > 1 else "image-influence"
    low, high = max(0.0, found.mean - reach), min(1.0, found.mean + reach)
    return Estimate(found.mean, low, high, kind, found.se, math.sqrt(seed_variance))


def _quantile(first: float, first_df: int, second: float, second_df: int) -> float:
    """The 97.5 % quantile of t for the sum of two variances, by Satterthwaite's degrees of freedom."""
    parts = sum(part**2 / df for part, df in ((first, first_df), (second, second_df)) if part > 0)
    df = (first + second) ** 2 / parts if parts else math.inf
    return float(stats.t.ppf(0.975, df))


def closed_half_width(accuracy_T: Floats) -> float:
    """1.96 * std / sqrt(T), the field's habit: it answers for other episodes of the same images alone. NaN if T = 1."""
    return float(1.96 * accuracy_T.std(ddof=1) / math.sqrt(len(accuracy_T))) if len(accuracy_T) > 1 else math.nan


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) of a share of `count` images."""
    z = float(stats.norm.ppf(0.975))
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return max(0.0, centre - reach), min(1.0, centre + reach)
