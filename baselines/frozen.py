"""Frozen: an encoder with published weights, not trained on the data set at all."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench import Card
from fewshot_bench.learn import EncoderBaseline, EncoderSettings


@dataclass(frozen=True, kw_only=True)
class FrozenSettings(EncoderSettings):
    """The encoder. Its weights are the library's best unless others are named."""

    weights: str = "DEFAULT"

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        is_published = self.weights != "none"
        self.need(is_published, "weights", "published ones; untrained is the encoder without")


class Frozen(EncoderBaseline):
    """Features learned on other pictures, usually ImageNet: no training on the data set."""

    card = Card(title="Frozen encoder", paper="features as published, no training")
    rule = "mean_cosine"
    settings_type = FrozenSettings
