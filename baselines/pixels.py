"""Pixels: the nearest references on small normalised images, a floor without any network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench import Baseline, Card, EmbeddingSettings
from fewshot_bench.learn import resize


@dataclass(frozen=True, kw_only=True)
class PixelsSettings(EmbeddingSettings):
    """side: pixels a side of the small image."""

    side: int = 16

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need_at_least("side", 1)


class Pixels(Baseline):
    """Compares thumbnails minus their mean: the cosine is the correlation of their pixels."""

    card = Card(standard=True, title="Pixels", paper="a floor: correlation of thumbnails")
    rule = "mean_cosine"
    learns_from = "nothing"
    settings_type = PixelsSettings
    settings: PixelsSettings

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Flattened thumbnails (B, C * side * side) minus their mean."""
        thumbnails = resize(images_BCHW, self.settings.side)
        pixels = thumbnails.flatten(1)
        return pixels - pixels.mean(1, keepdim=True)
