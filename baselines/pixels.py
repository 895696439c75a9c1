"""Pixels: the nearest references on small normalised images, a floor without any network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench.baseline import Baseline, Card
from fewshot_bench.learn.encoder import resize
from fewshot_bench.settings import Settings


@dataclass(frozen=True, kw_only=True)
class PixelsSettings(Settings):
    """side: pixels a side of the small image."""

    side: int = 16

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        self.need(self.side >= 1, "side", "1 or more")


class Pixels(Baseline):
    """Compares brightness-normalised thumbnails: their cosine is the correlation of their pixels."""

    card = Card(standard=True, title="Pixels", paper="a floor: correlation of thumbnails")
    rule = "mean_cosine"
    settings_type = PixelsSettings
    settings: PixelsSettings

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Thumbnails without their mean, flattened."""
        small = resize(images_BCHW, self.settings.side).flatten(1)
        return small - small.mean(1, keepdim=True)
