"""AMP: the angular margin penalty of the proposed method alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from fewshot_bench.plugins.baselines.scl_amp import SclAmp, SclAmpSettings
from torch import Tensor

from fewshot_bench.baseline import Card


@dataclass(frozen=True, kw_only=True)
class AmpSettings(SclAmpSettings):
    """Those of `scl_amp`; alpha is 0."""

    alpha: float = 0.0
    beta: float = 1.0

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(self.alpha == 0, "alpha", "0; scl_amp has both losses")


class Amp(SclAmp):
    """SCL+AMP without the self-contrastive loss: the margin loss on plain images, without any view."""

    card = Card(
        title="AMP alone",
        paper="Phuong, Duc Tin, Hong Trang: Improving Image Representation for Surface Defect Recognition with Small Data",
        year=2024,
    )
    settings_type = AmpSettings
    views = 1

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """beta times Eq. 4 on the image itself."""
        del generator
        weighted: Tensor = self.settings.beta * self.parts["arc"](
            self.project(self.plain(images_BCHW)), labels_B
        )
        return weighted
