"""From raw scores to probabilities, and the threshold for "none of these".

Both are fitted to held-out scores: of references, each answered by a rule that has not seen it.
Shapes: M held-out references, N classes, Q pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fewshot_bench.errors import UserError

__all__ = ["ACCEPTED", "Calibration", "HeldOut", "calibrated", "reliability"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ACCEPTED = 0.95  # share of true pictures that the threshold is to accept
ENOUGH = 20  # held-out references from which a class has a quantile of its own
BINS = 10  # of the reliability curve
# logarithms of the largest and smallest temperature, per spread of the scores
BOUNDS = (-3.0, 7.0)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores (M, N) of references that were held out, and the class of each (M,)."""

    scores_MN: Floats
    labels_M: Ints

    @property
    def weights_M(self) -> Floats:
        """Each class weighs the same, whatever its number of references; the sum is 1."""
        counts = np.bincount(self.labels_M)
        weights = 1 / counts[self.labels_M]
        normalised: Floats = weights / weights.sum()
        return normalised


@dataclass(frozen=True, eq=False)
class Calibration:
    """How raw scores become probabilities and the flag `unknown`.

    sharpness: probabilities are softmax(sharpness x scores); typical_N: the mean score of a class
    for its own held-out references, NaN where it has none; spread_N: from there down to its 5 %
    quantile; least: a picture whose (score - typical) / spread is less is of none of the classes.
    """

    sharpness: float
    typical_N: Floats
    spread_N: Floats
    least: float

    def probabilities(self, scores_QN: Floats) -> Floats:
        """Probabilities (Q, N) of the classes, if it is one of them."""
        return np.asarray(softmax(self.sharpness * scores_QN, axis=1))

    def typicality(self, scores_QN: Floats) -> Floats:
        """How typical the best score (Q,) is of its class; NaN where that is not known."""
        best_Q = scores_QN.argmax(1)
        top_Q = scores_QN.max(1)
        typical: Floats = (top_Q - self.typical_N[best_Q]) / self.spread_N[best_Q]
        return typical

    def unknown(self, scores_QN: Floats) -> npt.NDArray[np.bool_]:
        """Whether a picture (Q,) is of none of the classes.

        Never of a class that has no held-out reference.
        """
        return np.asarray(self.typicality(scores_QN) < self.least)


def calibrated(held_out: HeldOut, *, known: int) -> Calibration:
    """The calibration that fits held-out references.

    known: the first so many classes are known ones. Raises `UserError` where no class has a
    held-out reference.
    """
    if not len(held_out.labels_M):
        raise UserError(
            "every class has one picture, and nothing tells how sure an answer is; give a class a "
            "second picture"
        )
    sharpness = _sharpness(held_out)
    typical_N, spread_N = _typical(held_out, known)
    unlimited = Calibration(sharpness, typical_N, spread_N, -math.inf)
    typicality_M = unlimited.typicality(held_out.scores_MN)
    is_told = np.isfinite(typicality_M)
    least = _quantile(typicality_M[is_told], held_out.weights_M[is_told], 1 - ACCEPTED)
    return Calibration(sharpness, typical_N, spread_N, least)


def _sharpness(held_out: HeldOut) -> float:
    """One over the temperature (Guo et al.: On Calibration of Modern Neural Networks, 2017).

    The likelihood is of smoothed labels as in Platt (1999): n answers, all of them right, are no
    proof that the next one is.
    """
    scores_MN = held_out.scores_MN
    weights_M = held_out.weights_M
    count, classes = scores_MN.shape
    unsure = 1 / (count + 2)
    is_right_MN = np.eye(classes)[held_out.labels_M]
    targets_MN = (1 - unsure) * is_right_MN + unsure / classes
    unit = float(scores_MN.std()) or 1.0

    def loss(log_sharpness: float) -> float:
        logs_MN = log_softmax(math.exp(log_sharpness) / unit * scores_MN, axis=1)
        return -float((weights_M[:, None] * targets_MN * logs_MN).sum())

    best = minimize_scalar(loss, bounds=BOUNDS, method="bounded")
    return math.exp(best.x) / unit


def _typical(held_out: HeldOut, known: int) -> tuple[Floats, Floats]:
    """The typical score of each class and its spread, see `Calibration`.

    Few references tell where a class lies, and not how far its pictures scatter. So a class with
    few has the spread of all others, wider by the error of its own mean.
    """
    labels_M = held_out.labels_M
    own_M = held_out.scores_MN[np.arange(len(labels_M)), labels_M]
    classes = held_out.scores_MN.shape[1]
    typical_N = np.full(classes, np.nan)
    for label in np.unique(labels_M):
        typical_N[label] = own_M[labels_M == label].mean()
    deviation_M = own_M - typical_N[labels_M]
    weights_M = held_out.weights_M
    # references left out of few are closer to their mean than other pictures
    counts_M = np.bincount(labels_M, minlength=classes)[labels_M]
    several_M = counts_M > 2  # of two, both lie as far from their mean
    deviation_M = deviation_M * np.sqrt(counts_M / np.maximum(1, counts_M - 1))
    of_known_M = several_M & (labels_M < known)
    of_all_M = of_known_M if of_known_M.any() else several_M
    shared = np.nan
    if of_all_M.any():
        shared = -_quantile(deviation_M[of_all_M], weights_M[of_all_M], 1 - ACCEPTED)
    spread_N = np.full(classes, np.nan)
    for label in np.unique(labels_M):
        of_class = deviation_M[labels_M == label]
        count = len(of_class)
        if count >= ENOUGH:
            spread_N[label] = -np.quantile(of_class, 1 - ACCEPTED)
        else:
            spread_N[label] = shared * math.sqrt(1 + 1 / count)
    spread_N[~(spread_N > 0)] = np.nan
    return typical_N, spread_N


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """The quantile of weighted values; minus infinity of none."""
    if not len(values):
        return -math.inf
    order = values.argsort()
    reached = weights[order].cumsum() / weights.sum()
    return float(values[order][np.searchsorted(reached, share)])


def reliability(
    confidence_Q: Floats, right_Q: npt.NDArray[np.bool_], weights_Q: Floats
) -> Mapping[str, Any]:
    """How often answers of about one probability are right, and the expected calibration error.

    bins: of equal width, those that hold an answer: the mean probability, the share that is right,
    and how many answers. error: the mean distance of the two, weighted.
    """
    places = np.minimum((confidence_Q * BINS).astype(int), BINS - 1)
    bins = []
    error = 0.0
    total = float(weights_Q.sum())
    for place in np.unique(places):
        inside = places == place
        weight = float(weights_Q[inside].sum())
        mean = float((weights_Q * confidence_Q)[inside].sum()) / weight
        right = float((weights_Q * right_Q)[inside].sum()) / weight
        error += weight / total * abs(mean - right)
        count = int(inside.sum())
        bins.append({"probability": mean, "right": right, "pictures": count})
    return {"error": error, "bins": bins}
