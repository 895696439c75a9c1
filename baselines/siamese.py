"""Siamese network: twin encoders and a head that says whether two images show the same class.

Shapes: A and B images, D features.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench import Card, TrainedBaseline
from fewshot_bench.learn import balanced_batches


class Siamese(TrainedBaseline):
    """Learns from all pairs of a balanced batch. The class with the highest mean score wins."""

    card = Card(
        standard=True,
        title="Siamese",
        paper="Koch et al.: Siamese Neural Networks for One-shot Image Recognition (ICML workshop)",
        year=2015,
    )

    same_above = 0.5  # as a probability, see `pair`

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The pair head on |h1 - h2|."""
        del classes
        return {"same": nn.Linear(features, 1)}

    def scores(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """Log-odds (A, B) that two images show the same class: a bias minus a weighted distance.

        The paper's weights may have either sign. With three train classes they learn to call
        distant pairs alike in some features, and the head falls below chance on other classes. Here
        the weights are never negative.
        """
        same = self.parts["same"]
        bias = same.get_parameter("bias")
        # without negative weights a larger difference always lowers the score
        weight = same.get_parameter("weight").abs()
        differences_ABD = (a_AD[:, None] - b_BD).abs()
        distances_AB = F.linear(differences_ABD, weight)[..., 0]
        return bias - distances_AB

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """Batches with two or more images of each class: same and different pairs both occur."""
        batch_size = self.settings.batch_size
        ways = min(self.classes, batch_size // 2)
        return balanced_batches(labels_M, ways, batch_size // ways, generator)

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Binary cross-entropy. Same pairs together weigh as much as different pairs together."""
        views = self.view(images_BCHW, generator)
        features = self.encode(views)
        scores_BB = self.scores(features, features)
        is_same_BB = labels_B[:, None] == labels_B
        target_BB = is_same_BB.float()
        losses_BB = F.binary_cross_entropy_with_logits(scores_BB, target_BB, reduction="none")
        # triu(1) counts each same pair once and no image with itself
        same_loss = _mean(losses_BB, is_same_BB.triu(1))
        different_loss = _mean(losses_BB, ~is_same_BB)
        return same_loss / 2 + different_loss / 2

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """The head's probability (A, B) that each a and each b show the same class."""
        scores = self.scores(a_AD, b_BD)
        return scores.sigmoid()


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean where `mask` holds, as a sum: selecting by index is not reproducible to the bit."""
    selected = values * mask
    return selected.sum() / mask.sum()
