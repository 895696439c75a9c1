"""SCL+AMP: self-contrastive learning with an angular margin penalty, the proposed method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from fewshot_bench.plugins.episodes.mixedwm38 import table_v
from torch import Tensor, nn

from fewshot_bench import Card, Published, TrainedBaseline, TrainingSettings
from fewshot_bench.learn import ArcMargin, BeyondPi, combined_loss, self_contrastive

PAPER = (
    "Phuong, Duc Tin, Hong Trang: Improving Image Representation for Surface Defect Recognition "
    "with Small Data"
)
TRAINED = "ResNet-50, 200 x 200 pixels, 100 epochs; initial weights not stated"
TABLE_IV = f"Table IV: {TRAINED}; number of draws and of queries not stated"
TABLE_II = f"Table II: {TRAINED}; number of references not stated"
TABLE_III = f"Table III: {TRAINED}; seemingly 180 test images, mean of 10 runs"
TABLES_V_VI = "Tables V, VI: ResNet-50, 52 x 52 maps, 100 epochs; initial weights not stated"
# Table V, %: normal and single, mixtures of two, three and four, the four groups, all classes
RECALLS = (
    *(100, 100, 99, 99, 100, 100, 96.6, 99, 96.1),
    *(98, 100, 100, 100, 98, 99.5, 97.5, 99, 99, 96.5, 98, 99, 98.5),
    *(99, 97.8, 99, 99.5, 98, 98.5, 94, 99, 99, 97.5, 96, 95),
    *(93.5, 98, 96.5, 99.5),
    *(98.86, 98.69, 97.69, 96.88),
    98.22,
)


@dataclass(frozen=True, kw_only=True)
class SclAmpSettings(TrainingSettings):
    """Table I of the paper, and a name for each choice that it leaves open.

    temperature: tau of Eq. 1; symmetric: SimCLR's form of Eq. 1; margin: m of Eq. 4, radians;
    scale: s of Eq. 4; beyond_pi: Eq. 4 where theta + m > pi; alpha, beta: weights of Eq. 5;
    embedding: d; hidden_layers: of the projection, each as wide as the features; reference_vector:
    what enters the reference database.
    """

    temperature: float = 0.5
    symmetric: bool = False
    margin: float = 0.5
    scale: float = 30.0
    beyond_pi: BeyondPi = "equation"
    alpha: float = 0.75
    beta: float = 0.25
    embedding: int = 128
    hidden_layers: int = 1
    reference_vector: Literal["feature", "embedding"] = "feature"

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_positive("temperature")
        self.need(0 <= self.margin < math.pi, "margin", "0 to pi, radians")
        self.need_positive("scale")
        self.need_at_least("alpha", 0)
        self.need_at_least("beta", 0)
        self.need_at_least("embedding", 1)
        self.need_at_least("hidden_layers", 0)


class SclAmp(TrainedBaseline):
    """One encoder, two losses: views of an image attract each other, classes keep a margin."""

    card = Card(
        standard=True,
        title="SCL+AMP (proposed)",
        paper=PAPER,
        year=2024,
        published=(
            *Published.table("neu-heldout", TABLE_IV, {"1": 0.8216, "3": 0.8453, "5": 0.8629}),
            *Published.table("neu-classify", TABLE_II, {"0.8": 1.0, "0.7": 0.9981, "0.6": 0.9958}),
            *Published.table("neu-small", TABLE_III, {"10": 0.9839, "20": 0.9883, "50": 0.9972}),
            *table_v(TABLES_V_VI, RECALLS),
            *Published.table(
                "mixedwm38-small", TABLES_V_VI, {"20": 0.9227, "50": 0.9688, "100": 0.9783}
            ),
        ),
    )
    rule = "mean_cosine"
    settings_type = SclAmpSettings
    settings: SclAmpSettings
    views = 3  # the image itself and two views of it

    def heads(self, features: int, classes: int) -> dict[str, nn.Module]:
        """The projection to d dimensions, and the weights of the margin loss."""
        settings = self.settings
        # random weights are drawn as layers are made: their order decides what a seed gives
        layers: list[nn.Module] = []
        for _ in range(settings.hidden_layers):
            layers.append(nn.Linear(features, features))
            layers.append(nn.ReLU())
        arc = ArcMargin(
            settings.embedding,
            classes,
            margin=settings.margin,
            scale=settings.scale,
            beyond_pi=settings.beyond_pi,
        )
        layers.append(nn.Linear(features, settings.embedding))
        return {"projection": nn.Sequential(*layers), "arc": arc}

    def project(self, images_BCHW: Tensor) -> Tensor:
        """Embeddings (B, d) in training, of images at the settings' size."""
        features = self.encode(images_BCHW)
        embeddings: Tensor = self.parts["projection"](features)
        return embeddings

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Eq. 5: Eq. 2 on the image and two views of it, Eq. 4 on the image."""
        settings = self.settings
        plain = self.plain(images_BCHW)
        first_view = self.view(images_BCHW, generator)
        second_view = self.view(images_BCHW, generator)
        embeddings = self.project(torch.cat([plain, first_view, second_view]))
        x, i, j = embeddings.chunk(3)
        contrastive = self_contrastive(
            x, i, j, temperature=settings.temperature, symmetric=settings.symmetric
        )
        arc = self.parts["arc"](x, labels_B)
        return combined_loss(contrastive, arc, alpha=settings.alpha, beta=settings.beta)

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """The encoder's features (B, D), or the embeddings (B, d) if `reference_vector` says so."""
        features = super().embed(images_BCHW)
        if self.settings.reference_vector == "feature":
            return features
        embeddings: Tensor = self.parts["projection"](features)
        return embeddings
