"""Logistic: a linear classifier fitted to the support by logistic regression.

Shapes: N ways, K shots, S = N * K references, Q queries, B episodes of a block. C = S + 1: a
classifier is a coefficient of each reference, and an intercept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench import Card, Products, Rule, RuleSettings, unit

ITERATIONS = 100  # at most, as scikit-learn has it
TOLERANCE = 1e-5  # length of the gradient, as a share of its length at the start
MEMORY = 5  # earlier steps that L-BFGS learns from
HALVINGS = 20  # of a step that goes too far, at most
LEAST_GAIN = 1e-4  # as a share of what the slope promises (Armijo)


@dataclass(frozen=True, kw_only=True)
class LogisticSettings(RuleSettings):
    """strength: the weight of the penalty, 1 / C of scikit-learn, for features of unit length."""

    strength: float = 1.0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        # below, the rounding of float32 features decides
        self.need(0.001 <= self.strength < math.inf, "strength", "0.001 or more")


class Logistic(Rule):
    """Multinomial cross-entropy of the references plus strength / 2 |W|^2, with an intercept.

    The weights are sums of references, so that their coefficients and inner products do for L-BFGS
    what features would. All episodes of a block take their steps together.
    """

    card = Card(
        title="Logistic regression",
        paper="Tian et al.: Rethinking Few-Shot Image Classification: a Good Embedding (ECCV)",
        year=2020,
    )
    shift_invariant = True
    settings_type = LogisticSettings
    settings: LogisticSettings

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_products(self, products: Products) -> Tensor:
        """Logits (N, B, Q)."""
        ways, shots = products.query_NKBQ.shape[:2]
        support_BSS, query_BQS = products.centred()
        # float64, since features that are much alike have small gradients
        regression = _Regression(support_BSS.double(), ways, shots, self.settings.strength)
        coefficients_BCN, unfinished_B = _minimised(regression)
        products.unfinished += int(unfinished_B.sum())
        coefficients_BCN = coefficients_BCN.float()
        logits_BQN = query_BQS @ coefficients_BCN[:, :-1] + coefficients_BCN[:, -1:]
        return logits_BQN.permute(2, 0, 1)


@dataclass(frozen=True)
class _Place:
    """Classifiers of a block of episodes, their dual, and the loss of each."""

    classifiers_BCN: Tensor
    dual_BCN: Tensor
    loss_B: Tensor


class _Regression:
    """What is minimised, for classifiers of a block of episodes.

    Classifiers are compared as weights: `dual` gives the products by which two of them are
    multiplied. The dual of a classifier holds its logits on the references, without the intercept.
    """

    def __init__(self, support_BSS: Tensor, ways: int, shots: int, strength: float) -> None:
        self.support_BSS = support_BSS
        self.strength = strength
        self.is_class_SN = torch.eye(ways).repeat_interleave(shots, dim=0).double()

    def dual(self, classifiers_BCN: Tensor) -> Tensor:
        """Products (B, C, N) with the references; the intercept stays."""
        products_BSN = self.support_BSS @ classifiers_BCN[:, :-1]
        return torch.cat([products_BSN, classifiers_BCN[:, -1:]], dim=1)

    def place(self, classifiers_BCN: Tensor, dual_BCN: Tensor) -> _Place:
        """Classifiers with their loss."""
        logits_BSN = dual_BCN[:, :-1] + dual_BCN[:, -1:]
        of_class_BS = (logits_BSN * self.is_class_SN).sum(2)
        cross_entropy_B = (logits_BSN.logsumexp(2) - of_class_BS).sum(1)
        squares_B = (classifiers_BCN[:, :-1] * dual_BCN[:, :-1]).sum((1, 2))
        loss_B = cross_entropy_B + self.strength / 2 * squares_B
        return _Place(classifiers_BCN, dual_BCN, loss_B)

    def gradient(self, place: _Place) -> Tensor:
        """The gradient, as a classifier (B, C, N)."""
        logits_BSN = place.dual_BCN[:, :-1] + place.dual_BCN[:, -1:]
        residuals_BSN = logits_BSN.softmax(2) - self.is_class_SN
        weights_BSN = self.strength * place.classifiers_BCN[:, :-1] + residuals_BSN
        return torch.cat([weights_BSN, residuals_BSN.sum(1, keepdim=True)], dim=1)


def _dot(first_BCN: Tensor, dual_BCN: Tensor) -> Tensor:
    """The products (B, 1, 1) of classifiers, one of them given by its dual."""
    return (first_BCN * dual_BCN).sum((1, 2), keepdim=True)


@dataclass(frozen=True)
class _Step:
    """What a step changed: a classifier, its gradient, and the duals of both."""

    move_BCN: Tensor
    move_dual_BCN: Tensor
    change_BCN: Tensor
    change_dual_BCN: Tensor
    curvature_B11: Tensor  # the product of both; 0 for an episode that took no step

    def share(self, product_B11: Tensor) -> Tensor:
        """A product (B, 1, 1), divided by the curvature; 0 without one."""
        is_step = self.curvature_B11 > 0
        return (product_B11 / self.curvature_B11).where(is_step, 0)


def _minimised(regression: _Regression) -> tuple[Tensor, Tensor]:
    """(classifiers_BCN, is_unfinished_B) of the least loss, by L-BFGS (Liu and Nocedal 1989)."""
    block, references = regression.support_BSS.shape[:2]
    ways = regression.is_class_SN.shape[1]
    zeros_BCN = torch.zeros(block, references + 1, ways, dtype=torch.double)
    place = regression.place(zeros_BCN, zeros_BCN)
    gradient_BCN = regression.gradient(place)
    gradient_dual_BCN = regression.dual(gradient_BCN)
    enough_B11 = TOLERANCE**2 * _dot(gradient_BCN, gradient_dual_BCN)
    steps: list[_Step] = []
    for _ in range(ITERATIONS):
        squares_B11 = _dot(gradient_BCN, gradient_dual_BCN)
        # an episode that converged stays as it is, whatever others of its block need
        is_unfinished_B11 = squares_B11 > enough_B11
        if not is_unfinished_B11.any():
            break
        direction_BCN = _direction(gradient_BCN, gradient_dual_BCN, steps)
        direction_BCN = direction_BCN.where(is_unfinished_B11, 0)
        direction_dual_BCN = regression.dual(direction_BCN)
        slope_B11 = _dot(gradient_BCN, direction_dual_BCN)
        length_B11, place = _moved(regression, place, direction_BCN, direction_dual_BCN, slope_B11)
        next_BCN = regression.gradient(place)
        change_BCN = next_BCN - gradient_BCN
        change_dual_BCN = regression.dual(change_BCN)
        move_BCN = length_B11 * direction_BCN
        move_dual_BCN = length_B11 * direction_dual_BCN
        curvature_B11 = _dot(move_BCN, change_dual_BCN)
        step = _Step(move_BCN, move_dual_BCN, change_BCN, change_dual_BCN, curvature_B11)
        steps = [*steps, step][-MEMORY:]
        gradient_BCN = next_BCN
        gradient_dual_BCN = gradient_dual_BCN + change_dual_BCN
    return place.classifiers_BCN, is_unfinished_B11[:, 0, 0]


def _direction(gradient_BCN: Tensor, gradient_dual_BCN: Tensor, steps: list[_Step]) -> Tensor:
    """The direction (B, C, N) of the next step: the two loops of L-BFGS."""
    direction_BCN = -gradient_BCN
    direction_dual_BCN = -gradient_dual_BCN
    shares = []
    for step in reversed(steps):
        share_B11 = step.share(_dot(step.move_BCN, direction_dual_BCN))
        direction_BCN = direction_BCN - share_B11 * step.change_BCN
        direction_dual_BCN = direction_dual_BCN - share_B11 * step.change_dual_BCN
        shares.append(share_B11)
    if steps:
        last = steps[-1]
        changes_B11 = _dot(last.change_BCN, last.change_dual_BCN)
        is_step = changes_B11 > 0
        scale_B11 = (last.curvature_B11 / changes_B11).where(is_step, 1)
        direction_BCN = scale_B11 * direction_BCN
        direction_dual_BCN = scale_B11 * direction_dual_BCN
    for step, share_B11 in zip(steps, reversed(shares), strict=True):
        back_B11 = share_B11 - step.share(_dot(step.change_BCN, direction_dual_BCN))
        direction_BCN = direction_BCN + back_B11 * step.move_BCN
        direction_dual_BCN = direction_dual_BCN + back_B11 * step.move_dual_BCN
    return direction_BCN


def _moved(
    regression: _Regression,
    start: _Place,
    direction_BCN: Tensor,
    direction_dual_BCN: Tensor,
    slope_B11: Tensor,
) -> tuple[Tensor, _Place]:
    """How far (B, 1, 1) to go, and the place there.

    The length is 1, halved until the loss falls as the slope promises.
    """

    def at(length_B11: Tensor) -> _Place:
        classifiers_BCN = start.classifiers_BCN + length_B11 * direction_BCN
        return regression.place(classifiers_BCN, start.dual_BCN + length_B11 * direction_dual_BCN)

    # near the minimum the loss rounds to the same value
    rounding_B = 4 * torch.finfo(start.loss_B.dtype).eps * start.loss_B.abs()
    length_B11 = torch.ones_like(slope_B11)
    place = at(length_B11)
    for _ in range(HALVINGS):
        promised_B = LEAST_GAIN * (length_B11 * slope_B11)[:, 0, 0]
        is_too_far_B = place.loss_B > start.loss_B + promised_B + rounding_B
        if not is_too_far_B.any():
            break
        length_B11 = length_B11.where(~is_too_far_B[:, None, None], length_B11 / 2)
        place = at(length_B11)
    return length_B11, place
