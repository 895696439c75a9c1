"""TIM: prototypes are tuned so that the answers are sure and spread evenly over the classes.

Shapes: N ways, V images of an episode, D features, B episodes of a block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fewshot_bench.plugins.rules.transductive_finetuning import (
    LossWeights,
    Similarity,
    TransductiveFinetuning,
    TuningSettings,
)
from torch import Tensor

from fewshot_bench import Card

SHORTEST = 1e-12  # length of a prototype that is divided by, as torch's `normalize` has it


@dataclass(frozen=True, kw_only=True)
class TimSettings(TuningSettings):
    """steps, rate, temperature: as there; cross_entropy, marginal, conditional: the loss weights.

    marginal: of the entropy of the mean answer, which is to be high; conditional: of the mean
    entropy of an answer, which is to be low. The defaults are those of easyfsl's benchmark.
    """

    steps: int = 50
    rate: float = 1e-3
    cross_entropy: float = 1.0
    marginal: float = 1.0
    conditional: float = 0.5

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        for name in ("cross_entropy", "marginal", "conditional"):
            self.need(0 <= getattr(self, name) < math.inf, name, "0 or more")


class Tim(TransductiveFinetuning):
    """Mutual information of queries and answers, with cosines (TIM-GD), by Adam.

    Adam divides each coordinate by its own size, so that no inner products stand for features.
    """

    card = Card(
        title="TIM",
        paper=(
            "Boudiaf et al.: Transductive Information Maximization for Few-Shot Learning (NeurIPS)"
        ),
        year=2020,
        transductive=True,
    )
    settings_type = TimSettings
    settings: TimSettings

    def similarity(self, images_BVD: Tensor, start_BND: Tensor) -> Similarity:
        """Cosines."""
        del start_BND
        return _Cosines(images_BVD)

    def loss_weights(self) -> LossWeights:
        """Those of the settings."""
        settings = self.settings
        return LossWeights(settings.cross_entropy, settings.conditional, settings.marginal)


class _Cosines(Similarity):
    """Of images of unit length with prototypes of any."""

    def scores(self, prototypes_BND: Tensor) -> Tensor:
        """Cosines (B, N, V)."""
        self.lengths_BN1 = prototypes_BND.norm(dim=2, keepdim=True).clamp_min_(SHORTEST)
        products_BNV = prototypes_BND @ self.images_BVD.mT
        cosines_BNV: Tensor = products_BNV.div_(self.lengths_BN1)
        self.cosines_BNV = cosines_BNV
        return cosines_BNV

    def gradient(self, prototypes_BND: Tensor, of_scores_BNV: Tensor) -> Tensor:
        """What is along a prototype changes no cosine."""
        weights_BNV = of_scores_BNV / self.lengths_BN1
        along_BN1 = (weights_BNV * self.cosines_BNV).sum(2, keepdim=True)
        gradient_BND: Tensor = weights_BNV @ self.images_BVD
        return gradient_BND.addcmul_(along_BN1 / self.lengths_BN1, prototypes_BND, value=-1)
