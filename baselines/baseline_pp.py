"""Baseline++: a cosine classifier over the train classes, and a new one for each support.

Shapes: B images, N ways, K shots, S = N * K support images, Q queries, D features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench import Card, TrainedBaseline, TrainingSettings, derive
from fewshot_bench.learn import cosines

# SGD in the authors' code
LEARNING_RATE = 0.01
MOMENTUM = 0.9
DAMPENING = 0.9
WEIGHT_DECAY = 0.001


@dataclass(frozen=True, kw_only=True)
class BaselinePPSettings(TrainingSettings):
    """scale: factor of the cosines, 2 in the authors' code; steps: of SGD on a support."""

    scale: float = 2.0
    steps: int = 100

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_positive("scale")
        self.need_at_least("steps", 0)


class BaselinePP(TrainedBaseline):
    """Training reduces variation within classes: each class has one direction for its features.

    Differences from the authors' code: a step takes the whole support, theirs takes batches of 4 in
    100 epochs; the classifier has directions only, as in the paper's text, theirs also learns a
    length for each class. The classifier of an episode starts from a fixed seed, so that an episode
    has one answer. Which way gets which initial weights matters a little.
    """

    card = Card(
        title="Baseline++",
        paper="Chen et al.: A Closer Look at Few-shot Classification (ICLR)",
        year=2019,
        label_equivariant=False,
    )
    settings_type = BaselinePPSettings
    settings: BaselinePPSettings

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The cosine classifier over the train classes."""
        classifier = nn.Linear(features, classes, bias=False)
        return {"classifier": classifier}

    def scores(self, features_BD: Tensor) -> Tensor:
        """Scaled cosines (B, C_train) to the classifier's weights."""
        weight = self.parts.get_parameter("classifier.weight")
        return self.settings.scale * cosines(features_BD, weight)

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy on one view of each image."""
        views = self.view(images_BCHW, generator)
        scores = self.scores(self.encode(views))
        return F.cross_entropy(scores, labels_B)

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """The classifier's scores (B, C_train)."""
        features = self.embed(images_BCHW)
        return self.scores(features)

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Cosines (Q, N) to the weights of a classifier fitted to the support."""
        weight_ND = self.fitted_weights(support_NKD)
        return cosines(query_QD, weight_ND)

    def fitted_weights(self, support_NKD: Tensor) -> Tensor:
        """Weights (N, D) after `steps` of SGD on the support's mean cross-entropy.

        x are the support's unit features times `scale` and u = w / |w|, so that u.x are the scaled
        cosines. With e = (softmax - one-hot) / S the gradient of the loss in u is
        g = sum_s e_s x_s. The gradient in w is the part of g at right angles to u, divided by |w|.
        """
        ways, shots, features = support_NKD.shape
        x_SD = self.settings.scale * F.normalize(support_NKD.flatten(0, 1), dim=1)
        one_hot_NS = torch.eye(ways, device=x_SD.device).repeat_interleave(shots, 1)
        weight_ND = _initial_weights(ways, features).to(x_SD.device)
        velocity_ND = torch.zeros_like(weight_ND)
        for step in range(self.settings.steps):
            length_N1 = weight_ND.norm(dim=1, keepdim=True)
            unit_ND = weight_ND / length_N1
            scores_NS = unit_ND @ x_SD.T
            excess_NS = (scores_NS.softmax(0) - one_hot_NS) / len(x_SD)
            along_N1 = (excess_NS * scores_NS).sum(1, keepdim=True)
            gradient_ND = torch.addmm(-along_N1 * unit_ND, excess_NS, x_SD) / length_N1
            decayed_ND = gradient_ND.add(weight_ND, alpha=WEIGHT_DECAY)
            # torch.optim.SGD does not dampen its first step
            share = 1 if step == 0 else 1 - DAMPENING
            velocity_ND.mul_(MOMENTUM).add_(decayed_ND, alpha=share)
            weight_ND = weight_ND.sub(velocity_ND, alpha=LEARNING_RATE)
        return weight_ND


def _initial_weights(ways: int, features: int) -> Tensor:
    """Random weights (N, D) within +-1/sqrt(D), as those of a linear layer."""
    seed = derive("baseline_pp", ways, features)
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(ways, features, generator=generator)
    return (2 * uniform - 1) / math.sqrt(features)
