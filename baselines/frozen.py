"""Frozen: an encoder with published weights, not trained on the data set at all."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench.baseline import Card
from fewshot_bench.learn.encoder import EncoderSettings
from fewshot_bench.learn.train import EncoderBaseline


@dataclass(frozen=True, kw_only=True)
class FrozenSettings(EncoderSettings):
    """The encoder, with the weights that its library publishes as the best unless others are named."""

    weights: str = "DEFAULT"

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(
            self.weights != "none", "weights", "published ones; untrained is the encoder without"
        )


class Frozen(EncoderBaseline):
    """Features of other pictures, usually ImageNet's: what is to be had without any training."""

    card = Card(title="Frozen encoder", paper="features as published, no training")
    rule = "mean_cosine"
    settings_type = FrozenSettings
