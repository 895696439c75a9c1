"""Siamese network: twin encoders and a head that says whether two images show the same class."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import Card
from fewshot_bench.learn.train import TrainedBaseline, balanced_batches
from fewshot_bench.published import Published

CITED = "cited as [30] by Phuong et al. (2024): another network"


class Siamese(TrainedBaseline):
    """Learns from all pairs of a class-balanced batch; a query goes to the class it scores highest with on average."""

    card = Card(
        standard=True,
        title="Siamese",
        paper="Koch et al.: Siamese Neural Networks for One-shot Image Recognition (ICML workshop)",
        year=2015,
        published=(
            *Published.table(
                "neu-heldout", f"Table IV, {CITED}; pairs instead of 3-way episodes", {"1": 0.8322}
            ),
            *Published.table("neu-classify", f"Table II, {CITED}", {"0.8": 0.9255}),
        ),
    )

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The pair head on |h1 - h2|."""
        del classes
        return {"same": nn.Linear(features, 1)}

    def scores(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """Log-odds (A, B) that two images show the same class: a bias less a weighted distance.

        The paper's weights may have either sign. With three train classes they then learn to call distant pairs alike in
        some features, and on other classes the head falls below chance; here a distance is one.
        """
        same = self.parts["same"]
        apart_AB = F.linear((a_AD[:, None] - b_BD).abs(), same.get_parameter("weight").abs())[
            ..., 0
        ]
        return same.get_parameter("bias") - apart_AB

    def batches(self, labels_M: Tensor, generator: torch.Generator) -> Iterator[Tensor]:
        """Batches of equally many images of each class, at least two, so that both kinds of pair occur."""
        ways = min(self.classes, self.settings.batch_size // 2)
        return balanced_batches(labels_M, ways, self.settings.batch_size // ways, generator)

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Binary cross-entropy, the mean over same pairs and over different pairs weighing the same."""
        features = self.encode(self.view(images_BCHW, generator))
        scores_BB = self.scores(features, features)
        same_BB = labels_B[:, None] == labels_B
        losses_BB = F.binary_cross_entropy_with_logits(scores_BB, same_BB.float(), reduction="none")
        return _mean(losses_BB, same_BB.triu(1)) / 2 + _mean(losses_BB, ~same_BB) / 2

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """The head's probability that each a and each b show the same class."""
        return self.scores(a_AD, b_BD).sigmoid()


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean where `mask` holds, as a sum: gathering by index would not be reproducible to the bit."""
    return (values * mask).sum() / mask.sum()
