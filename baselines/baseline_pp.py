"""Baseline++: a cosine classifier over the train classes, then a new one fitted to the support of each episode.

Shapes: B images, N ways, K shots, S = N * K support images, Q queries, D features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import Card
from fewshot_bench.learn.losses import cosines
from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings
from fewshot_bench.seeds import derive

RATE, MOMENTUM, DAMPENING, DECAY = 0.01, 0.9, 0.9, 0.001  # of the SGD in the authors' code


@dataclass(frozen=True, kw_only=True)
class BaselinePPSettings(TrainingSettings):
    """scale: what cosines are multiplied by, 2 in the authors' code; steps: of SGD on the support of an episode."""

    scale: float = 2.0
    steps: int = 100

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(0 < self.scale < math.inf, "scale", "more than 0")
        self.need(self.steps >= 0, "steps", "0 or more")


class BaselinePP(TrainedBaseline):
    """Training reduces variation within classes, as each has one direction that its features must be close to.

    What differs from the authors' code: a step takes the whole support, where theirs takes batches of 4 in 100 epochs;
    the classifier has directions alone, as in the paper's text, where theirs also learns a length for each class. Initial
    weights come from a fixed seed, so that an episode has one answer; which way gets which of them matters, if little.
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
        return {"classifier": nn.Linear(features, classes, bias=False)}

    def scores(self, features_BD: Tensor) -> Tensor:
        """Scaled cosines (B, C_train) to the classifier's weights."""
        return self.settings.scale * cosines(
            features_BD, self.parts.get_parameter("classifier.weight")
        )

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy on one view of each image."""
        return F.cross_entropy(
            self.scores(self.encode(self.view(images_BCHW, generator))), labels_B
        )

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """The classifier's scores (B, C_train)."""
        return self.scores(self.embed(images_BCHW))

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Cosines (Q, N) to the weights of a classifier fitted to the support."""
        return cosines(query_QD, self.fitted(support_NKD))

    def fitted(self, support_NKD: Tensor) -> Tensor:
        """Weights (N, D) after `steps` of SGD on the support's mean cross-entropy.

        x are the support's unit features times `scale` and u = w / |w|, so that u.x are the scaled cosines. With
        e = (softmax - one-hot) / S the slope of the loss in u is sum_s e_s x_s; in w it is what of that is at right angles
        to u, divided by |w|.
        """
        ways, shots, features = support_NKD.shape
        x_SD = self.settings.scale * F.normalize(support_NKD.flatten(0, 1), dim=1)
        true_NS = torch.eye(ways, device=x_SD.device).repeat_interleave(shots, 1)
        weight_ND = _initial(ways, features).to(x_SD.device)
        velocity_ND = torch.zeros_like(weight_ND)
        for step in range(self.settings.steps):
            length_N1 = weight_ND.norm(dim=1, keepdim=True)
            unit_ND = weight_ND / length_N1
            scores_NS = unit_ND @ x_SD.T
            excess_NS = (scores_NS.softmax(0) - true_NS) / len(x_SD)
            along_N1 = (excess_NS * scores_NS).sum(1, keepdim=True)
            slope_ND = torch.addmm(-along_N1 * unit_ND, excess_NS, x_SD) / length_N1
            new = 1 - DAMPENING if step else 1  # torch.optim.SGD does not dampen its first step
            velocity_ND.mul_(MOMENTUM).add_(slope_ND.add(weight_ND, alpha=DECAY), alpha=new)
            weight_ND = weight_ND.sub(velocity_ND, alpha=RATE)
        return weight_ND


def _initial(ways: int, features: int) -> Tensor:
    """Weights (N, D) within +-1/sqrt(D), as those of a linear layer."""
    generator = torch.Generator().manual_seed(derive("baseline_pp", ways, features))
    return (2 * torch.rand(ways, features, generator=generator) - 1) / math.sqrt(features)
