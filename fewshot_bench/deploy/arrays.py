"""A fitted rule with its references as a few arrays: found by asking it, and checked.

Shapes: M references, D features, D' transformed features, N classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.deploy.calibration import Calibration
from fewshot_bench.deploy.classifier import Answerer
from fewshot_bench.errors import PLUGIN_ERRORS, UserError
from fewshot_bench.rule import Rule, unit

__all__ = ["RuleArrays", "rule_arrays"]

Floats = npt.NDArray[np.float64]
TOLERANCE = 5e-4  # of a probability, and of a score as a share of their spread


@dataclass(frozen=True, eq=False)
class RuleArrays:
    """Scores are weights x t + bias + square |t|^2.

    t is matrix (sign(x)|x|^power - centre), of unit length if so; matrix_ED: None stands for the
    identity; square: the same for all classes, it decides how far scores of pictures compare.
    """

    power: float
    centre_D: Floats
    matrix_ED: Floats | None
    is_unit: bool
    weights_NE: Floats
    bias_N: Floats
    square: float

    def transformed(self, features_MD: Floats) -> Floats:
        """What they make of features: (M, D')."""
        powered_MD = np.sign(features_MD) * np.abs(features_MD) ** self.power
        centred = powered_MD - self.centre_D
        if self.matrix_ED is not None:
            centred = centred @ self.matrix_ED.T
        if self.is_unit:
            lengths = np.linalg.norm(centred, axis=1, keepdims=True)
            centred = centred / np.maximum(lengths, np.finfo(np.float64).tiny)
        return np.asarray(centred)

    def scores(self, features_MD: Floats) -> Floats:
        """Scores (M, N)."""
        transformed = self.transformed(features_MD)
        squares = np.square(transformed).sum(1, keepdims=True)
        return np.asarray(transformed @ self.weights_NE.T + self.bias_N + self.square * squares)


def rule_arrays(
    answerer: Answerer,
    support_NKD: Tensor,
    features_MD: Tensor,
    known_MD: Tensor,
    calibration: Calibration,
) -> RuleArrays:
    """The arrays of a fitted rule and its support.

    features_MD: of references, on which the arrays are checked; known_MD: what the rule learned
    from. Raises `UserError` where arrays do not give the rule's probabilities.
    """
    refused = UserError(
        f"rule {answerer.name} cannot be written as a few arrays; apply it with bench predict, or "
        "name one whose classes are means (mean_cosine, prototype) with --method"
    )
    rule = answerer.rule
    if rule is None:
        raise refused
    right_MN = answerer.scores(support_NKD, answerer.transform(features_MD))
    right_probabilities = calibration.probabilities(right_MN)
    weights_NE, bias_N, square = _coefficients(answerer, support_NKD)
    features = features_MD.double().numpy()
    try:
        for centre_D, matrix_ED, is_unit in _transforms(rule, features_MD, known_MD):
            arrays = RuleArrays(
                rule.settings.power, centre_D, matrix_ED, is_unit, weights_NE, bias_N, square
            )
            if arrays.transformed(features[:1]).shape[1] != weights_NE.shape[1]:
                continue
            scores_MN = arrays.scores(features)
            probabilities = calibration.probabilities(scores_MN)
            # probabilities of many easy references are all near 1, whatever the scores
            are_close = np.abs(scores_MN - right_MN).max() < TOLERANCE * right_MN.std()
            if are_close and np.abs(probabilities - right_probabilities).max() < TOLERANCE:
                return arrays
    except PLUGIN_ERRORS as error:
        raise refused from error
    raise refused


def _coefficients(answerer: Answerer, support_NKD: Tensor) -> tuple[Floats, Floats, float]:
    """Weights (N, D'), bias (N,) and square of scores, from queries along each direction."""
    width = support_NKD.shape[2]
    # as long as the references: shorter ones would hardly change scores of single precision
    length = float(support_NKD.norm(dim=2).mean()) or 1.0
    probes_ED = length * torch.eye(width)
    bias_1N = answerer.scores(support_NKD, torch.zeros(1, width))
    scores_EN = answerer.scores(support_NKD, probes_ED)
    twice_EN = answerer.scores(support_NKD, 2 * probes_ED)
    # length^2 x square
    curved = float(((twice_EN - 2 * scores_EN + bias_1N) / 2).mean())
    weights_EN = (scores_EN - bias_1N - curved) / length
    return weights_EN.T, bias_1N[0], curved / length**2


def _transforms(
    rule: Rule, features_MD: Tensor, known_MD: Tensor
) -> Iterator[tuple[Floats, Floats | None, bool]]:
    """(centre, matrix or None, whether of unit length) that may be what the rule makes of features.

    The simplest come first.
    """
    nothing = np.zeros(features_MD.shape[1])
    yield nothing, None, False
    yield nothing, None, True
    if not len(known_MD):
        return
    centre_D = rule.powered(known_MD).mean(0)
    centre = centre_D.double().numpy()
    yield centre, None, False
    yield centre, None, True
    scale = float((rule.powered(features_MD) - centre_D).norm(dim=1).mean())
    steps_DD = scale * torch.eye(len(centre_D))
    with torch.no_grad():
        alone_DE = rule.transform(centre_D + steps_DD).double()
        pairs_DE = rule.transform(centre_D + steps_DD + steps_DD[0]).double()
    yield centre, _matrix(alone_DE, pairs_DE).T.numpy(), True


def _matrix(alone_DE: Tensor, pairs_DE: Tensor) -> Tensor:
    """The rows of a matrix, but for one factor, from directions alone.

    alone_DE: the direction of each row; pairs_DE: of its sum with the first row. From both follows
    how long a row is beside the first: r u = first + length x row, solved by least squares.
    """
    first_E = unit(alone_DE)[0]
    rows_DE = unit(alone_DE)
    sums_DE = unit(pairs_DE)
    overlap_D = (rows_DE * sums_DE).sum(1)
    with_first_D = rows_DE @ first_E
    sums_with_first_D = sums_DE @ first_E
    # of the normal equations in (length, r)
    determinant_D = (1 - overlap_D**2).clamp_min(1e-12)
    length_D = (overlap_D * sums_with_first_D - with_first_D) / determinant_D
    length_D[0] = 1.0
    return rows_DE * length_D[:, None]
