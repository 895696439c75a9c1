"""Supervised contrastive learning: views of images of one class attract each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fewshot_bench import Card, TrainedBaseline, TrainingSettings
from fewshot_bench.learn import supervised_contrastive


@dataclass(frozen=True, kw_only=True)
class SupConSettings(TrainingSettings):
    """temperature: tau of the loss; embedding: size of the projection, used in training only."""

    temperature: float = 0.1
    embedding: int = 128

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_positive("temperature")
        self.need_at_least("embedding", 1)


class SupCon(TrainedBaseline):
    """Two random views of each image; all views of a class are positives of each other."""

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
        projection = nn.Sequential(
            nn.Linear(features, features),
            nn.ReLU(),
            nn.Linear(features, self.settings.embedding),
        )
        return {"projection": projection}

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """L_sup^out over both views of each image."""
        first_views = self.view(images_BCHW, generator)
        second_views = self.view(images_BCHW, generator)
        features = self.encode(torch.cat([first_views, second_views]))
        embeddings = self.parts["projection"](features)
        labels = labels_B.repeat(2)  # in the order of the views
        return supervised_contrastive(embeddings, labels, temperature=self.settings.temperature)
