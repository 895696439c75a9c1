"""Plain ResNet: cross-entropy on the train classes; its features enter the reference database.

Shapes: B images, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench import Card, Published, TrainedBaseline

TABLES = "Tables III, VI of Phuong et al. (2024): ResNet-50, 100 epochs; initial weights not stated"


class ResNet(TrainedBaseline):
    """A network trained as a classifier."""

    card = Card(
        standard=True,
        title="ResNet",
        paper="He et al.: Deep Residual Learning for Image Recognition (CVPR)",
        year=2016,
        published=(
            *Published.table("neu-small", TABLES, {"10": 0.9389, "20": 0.9772, "50": 0.9906}),
            *Published.table(
                "mixedwm38-small", TABLES, {"20": 0.5536, "50": 0.8672, "100": 0.8973}
            ),
        ),
    )
    rule = "mean_cosine"

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The classifier over the train classes."""
        return {"classifier": nn.Linear(features, classes)}

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy on one view of each image."""
        views = self.view(images_BCHW, generator)
        scores = self.parts["classifier"](self.encode(views))
        return F.cross_entropy(scores, labels_B)

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """The classifier's scores (B, C_train)."""
        features = self.embed(images_BCHW)
        scores: Tensor = self.parts["classifier"](features)
        return scores
