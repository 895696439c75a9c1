"""Transductive fine-tuning: prototypes are tuned to tell the references apart, and to be sure.

Shapes: N ways, K shots, S = N * K references, Q queries, V = S + Q images of an episode, D
features, B episodes of a block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench import Card, Rule, RuleSettings, unit

SAME = 1e-6  # squared distance of unit vectors, below which only rounding sets them apart
BETAS = (0.9, 0.999)  # of Adam, as torch has them
EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class TuningSettings(RuleSettings):
    """steps and rate: of Adam; temperature: what scores are multiplied by in the softmax.

    The defaults are those of easyfsl's benchmark.
    """

    steps: int = 10
    rate: float = 1e-4
    temperature: float = 10.0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("steps", 0)
        self.need_positive("rate")
        self.need_positive("temperature")


@dataclass(frozen=True)
class LossWeights:
    """Of the cross-entropy of the references, and of two entropies of the queries.

    conditional: the mean entropy of an answer, which is to be low; marginal: the entropy of the
    mean answer, which is to be high.
    """

    cross_entropy: float = 1.0
    conditional: float = 1.0
    marginal: float = 0.0


class TransductiveFinetuning(Rule):
    """Cross-entropy of the references plus mean entropy of the queries, by Euclidean distance.

    Only the prototypes are tuned, as in easyfsl; the paper tunes the network too. The gradient is
    written out, so that a step reads the features of an episode twice and keeps nothing of size.
    """

    card = Card(
        title="Transductive fine-tuning",
        paper="Dhillon et al.: A Baseline for Few-Shot Image Classification (ICLR)",
        year=2020,
        transductive=True,
    )
    settings_type = TuningSettings
    settings: TuningSettings

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_block(self, images_BVD: Tensor, is_query_BQ: Tensor, ways: int) -> Tensor:
        """Scores (N, B, Q) of the queries by the tuned prototypes."""
        references = images_BVD.shape[1] - is_query_BQ.shape[1]
        support_BSD = images_BVD[:, :references]
        prototypes_BND = support_BSD.unflatten(1, (ways, -1)).mean(2)
        similarity = self.similarity(images_BVD, prototypes_BND)
        temperature = self.settings.temperature
        loss = _Loss(self.loss_weights(), temperature, references // ways, ways, is_query_BQ)
        adam = _Adam(prototypes_BND, self.settings.rate)
        for _ in range(self.settings.steps):
            of_scores_BNV = loss.gradient(similarity.scores(prototypes_BND))
            adam.step(similarity.gradient(prototypes_BND, of_scores_BNV))
        scores_BNV = similarity.scores(prototypes_BND)
        return scores_BNV[:, :, references:].transpose(0, 1)

    def similarity(self, images_BVD: Tensor, start_BND: Tensor) -> Similarity:
        """How images are compared with prototypes, which start where they are now."""
        return _Distances(images_BVD, start_BND)

    def loss_weights(self) -> LossWeights:
        """Of the parts of the loss."""
        return LossWeights()


class Similarity:
    """Scores of images, and the gradient of a loss with respect to the prototypes."""

    def __init__(self, images_BVD: Tensor) -> None:
        self.images_BVD = images_BVD

    def scores(self, prototypes_BND: Tensor) -> Tensor:
        """Scores (B, N, V), and what `gradient` needs of them."""
        raise NotImplementedError

    def gradient(self, prototypes_BND: Tensor, of_scores_BNV: Tensor) -> Tensor:
        """With respect to the prototypes (B, N, D), from that with respect to the last scores."""
        raise NotImplementedError


class _Distances(Similarity):
    """Minus Euclidean distances.

    They are made of how far the prototypes went from their start. A prototype of one reference
    starts at distance 0 from it, which products of features would round away.
    """

    def __init__(self, images_BVD: Tensor, start_BND: Tensor) -> None:
        super().__init__(images_BVD)
        self.start_BND = start_BND.clone()
        products_BNV = start_BND @ images_BVD.mT
        squares_B1V = images_BVD.norm(dim=2).square()[:, None]
        squares_BN1 = start_BND.norm(dim=2, keepdim=True).square()
        squares_BNV = squares_BN1 + squares_B1V - 2 * products_BNV
        self.start_squares_BNV = squares_BNV.where(squares_BNV > SAME, 0)

    def scores(self, prototypes_BND: Tensor) -> Tensor:
        """Minus distances (B, N, V)."""
        moves_BND = prototypes_BND - self.start_BND
        along_start_BN1 = (moves_BND * self.start_BND).sum(2, keepdim=True)
        move_squares_BN1 = moves_BND.norm(dim=2, keepdim=True).square()
        of_moves_BNV = moves_BND @ self.images_BVD.mT
        of_prototypes_BN1 = 2 * along_start_BN1 + move_squares_BN1
        squares_BNV = self.start_squares_BNV + of_prototypes_BN1 - 2 * of_moves_BNV
        distances_BNV: Tensor = squares_BNV.clamp_min_(0).sqrt_()
        self.distances_BNV = distances_BNV
        return -distances_BNV

    def gradient(self, prototypes_BND: Tensor, of_scores_BNV: Tensor) -> Tensor:
        """A distance of 0 has the gradient 0, as in torch."""
        weights_BNV = of_scores_BNV / self.distances_BNV
        weights_BNV = weights_BNV.where(self.distances_BNV > 0, 0)
        sums_BN1 = weights_BNV.sum(2, keepdim=True)
        gradient_BND: Tensor = weights_BNV @ self.images_BVD
        return gradient_BND.addcmul_(sums_BN1, prototypes_BND, value=-1)


class _Loss:
    """The gradient of the loss with respect to scores (B, N, V), written out."""

    def __init__(
        self,
        weights: LossWeights,
        temperature: float,
        shots: int,
        ways: int,
        is_query_BQ: Tensor,
    ) -> None:
        self.weights = weights
        self.temperature = temperature
        self.of_way_NS = torch.eye(ways).repeat_interleave(shots, dim=1)
        queries_B1 = is_query_BQ.sum(1, keepdim=True)
        self.share_B1Q = (is_query_BQ / queries_B1)[:, None]

    def gradient(self, scores_BNV: Tensor) -> Tensor:
        """The gradient (B, N, V); zero at padding."""
        references = self.of_way_NS.shape[1]
        logarithms_BNV = (self.temperature * scores_BNV).log_softmax(1)
        gradient_BNV = logarithms_BNV.exp()
        query_BNQ = gradient_BNV[:, :, references:]
        values_BNQ = logarithms_BNV[:, :, references:] * -self.weights.conditional
        if self.weights.marginal:
            mean_BN1 = query_BNQ @ self.share_B1Q.mT
            values_BNQ += self.weights.marginal * mean_BN1.log()
        values_BNQ -= (query_BNQ * values_BNQ).sum(1, keepdim=True)
        query_BNQ *= values_BNQ
        query_BNQ *= self.temperature * self.share_B1Q
        support_BNS = gradient_BNV[:, :, :references]
        support_BNS -= self.of_way_NS
        support_BNS *= self.temperature * self.weights.cross_entropy / references
        return gradient_BNV


class _Adam:
    """Adam (Kingma and Ba 2015), which changes the `values` in place."""

    def __init__(self, values: Tensor, rate: float) -> None:
        self.values = values
        self.rate = rate
        self.steps = 0
        self.mean = torch.zeros_like(values)
        self.mean_square = torch.zeros_like(values)
        self.root = torch.empty_like(values)

    def step(self, gradient: Tensor) -> None:
        """One step against the gradient."""
        self.steps += 1
        first, second = BETAS
        self.mean.lerp_(gradient, 1 - first)
        # divided by second^steps, which spares a pass over the values
        share = (1 - second) / second**self.steps
        self.mean_square.addcmul_(gradient, gradient, value=share)
        correction = math.sqrt((1 - second**self.steps) / second**self.steps)
        torch.sqrt(self.mean_square, out=self.root)
        self.root.add_(EPSILON * correction)
        rate = self.rate * correction / (1 - first**self.steps)
        self.values.addcdiv_(self.mean, self.root, value=-rate)
