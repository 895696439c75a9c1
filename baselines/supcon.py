"""Supervised contrastive learning: views of images of one class attract each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fewshot_bench.baseline import Card
from fewshot_bench.learn.losses import supervised_contrastive
from fewshot_bench.learn.train import TrainedBaseline, TrainingSettings


@dataclass(frozen=True, kw_only=True)
class SupConSettings(TrainingSettings):
    """temperature: tau of the loss; embedding: what the projection head ends in, dropped after training."""

    temperature: float = 0.1
    embedding: int = 128

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(0 < self.temperature < math.inf, "temperature", "more than 0")
        self.need(self.embedding >= 1, "embedding", "1 or more")


class SupCon(TrainedBaseline):
    """Two random views of each image, all views of its class being positives; backbone features are compared."""

    card = Card(
        title="Supervised contrastive",
        paper="Khosla et al.: Supervised Contrastive Learning (NeurIPS)",
        year=2020,
    )
    rule = "mean_cosine"
    settings_type = SupConSettings
    settings: SupConSettings
    views = 2

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The projection head D -> D -> 128."""
        del classes
        embedding = self.settings.embedding
        return {
            "projection": nn.Sequential(
                nn.Linear(features, features), nn.ReLU(), nn.Linear(features, embedding)
            )
        }

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """L_sup^out over both views of each image."""
        views = torch.cat([self.view(images_BCHW, generator), self.view(images_BCHW, generator)])
        embeddings = self.parts["projection"](self.encode(views))
        return supervised_contrastive(
            embeddings, labels_B.repeat(2), temperature=self.settings.temperature
        )
