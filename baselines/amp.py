"""AMP: the angular margin penalty of the proposed method alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fewshot_bench.plugins.baselines.scl_amp import PAPER, SclAmp, SclAmpSettings
from torch import Tensor

from fewshot_bench import Card


@dataclass(frozen=True, kw_only=True)
class AmpSettings(SclAmpSettings):
    """The settings of `scl_amp`; alpha is 0."""

    alpha: float = 0.0
    beta: float = 1.0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need(self.alpha == 0, "alpha", "0; scl_amp has both losses")


class Amp(SclAmp):
    """SCL+AMP without the self-contrastive loss: the margin loss on plain images, no views."""

    card = Card(title="AMP alone", paper=PAPER, year=2024)
    settings_type = AmpSettings
    views = 1

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """beta times Eq. 4 on the image itself."""
        del generator
        embeddings = self.project(self.plain(images_BCHW))
        arc: Tensor = self.parts["arc"](embeddings, labels_B)
        weight: float = self.settings.beta
        return weight * arc
