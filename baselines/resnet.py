"""Plain ResNet: cross-entropy on the train classes; its features enter the reference database.

Shapes: B images, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import Card, Context
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn.train import TrainedBaseline
from fewshot_bench.published import Published

TABLES = "Tables III, VI of Phuong et al. (2024): ResNet-50, 100 epochs; initial weights not stated"


BATCH = 256  # train images embedded at once


class ResNet(TrainedBaseline):
    """A residual network trained as a classifier; it also keeps the mean feature of its train images, `centre`."""

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

    def build(self, classes: int, device: torch.device, *, fetch: bool = True) -> None:
        """Make the encoder, the classifier, and room for the centre."""
        super().build(classes, device, fetch=fetch)
        self.parts.register_buffer(
            "centre", torch.zeros_like(self.parts.get_parameter("classifier.weight").detach()[0])
        )

    def fit(self, train: LabelledImages, *, context: Context) -> None:
        """Train, then average the features of the train images."""
        super().fit(train, context=context)
        parts = torch.from_numpy(train.images).split(BATCH)
        with torch.no_grad():
            sums = [ResNet.embed(self, part.to(context.device)).sum(0) for part in parts]
        self.parts.get_buffer("centre").copy_(torch.stack(sums).sum(0) / len(train))

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy on one view of each image."""
        scores = self.parts["classifier"](self.encode(self.view(images_BCHW, generator)))
        return F.cross_entropy(scores, labels_B)

    def logits(self, images_BCHW: Tensor) -> Tensor:
        """The classifier's scores (B, C_train)."""
        scores: Tensor = self.parts["classifier"](self.embed(images_BCHW))
        return scores
