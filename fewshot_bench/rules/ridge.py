"""Ridge: a linear classifier fitted to the support by ridge regression, in closed form.

Shapes: N ways, K shots, S = N * K references, Q queries, B episodes of a block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench import Card, Products, Rule, RuleSettings, unit


@dataclass(frozen=True, kw_only=True)
class RidgeSettings(RuleSettings):
    """strength: lambda, the weight of the penalty, for features of unit length."""

    strength: float = 0.1

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        # below, the rounding of float32 features decides
        self.need(0.01 <= self.strength < math.inf, "strength", "0.01 or more")


class Ridge(Rule):
    """W = A'(AA' + lambda I)^-1 Y on features less the mean of the support: the head of R2-D2.

    AA' is S x S, so that no matrix of the features' size is solved.
    """

    card = Card(
        title="Ridge regression",
        paper="Bertinetto et al.: Meta-learning with Differentiable Closed-form Solvers (ICLR)",
        year=2019,
    )
    shift_invariant = True
    settings_type = RidgeSettings
    settings: RidgeSettings

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_products(self, products: Products) -> Tensor:
        """The regression (N, B, Q) of each class's indicator."""
        ways, shots = products.query_NKBQ.shape[:2]
        support_BSS, query_BQS = products.centred()
        references = ways * shots
        penalty_SS = self.settings.strength * torch.eye(references)
        indicators_SN = torch.eye(ways, dtype=torch.float64).repeat_interleave(shots, dim=0)
        # many references of few features: in float32 rounding would grow to a part of the scores
        penalised_BSS = (support_BSS + penalty_SS).double()
        weights_BSN = torch.linalg.solve(penalised_BSS, indicators_SN)
        # the intercept: the mean of the indicators
        scores_BQN: Tensor = query_BQS.double() @ weights_BSN + 1 / ways
        return scores_BQN.float().permute(2, 0, 1)
