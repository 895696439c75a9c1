"""Untrained: the encoder with random weights, a floor that training must beat."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench import Card, NotApplicable
from fewshot_bench.learn import EncoderBaseline, EncoderSettings


@dataclass(frozen=True, kw_only=True)
class UntrainedSettings(EncoderSettings):
    """The encoder, which has random weights under all presets."""

    weights: str = "none"


class Untrained(EncoderBaseline):
    """Features of an encoder that has seen no image of the data set."""

    card = Card(standard=True, title="Untrained encoder", paper="a floor: no training")
    rule = "mean_cosine"
    settings_type = UntrainedSettings
    settings: UntrainedSettings
    learns_from = "seed"

    def check_weights(self) -> None:
        """Raise `NotApplicable` if the encoder has weights that were trained."""
        weights = self.settings.weights
        if weights != "none":
            raise NotApplicable(
                f"weights={weights} were trained, frozen is that encoder; "
                "--set untrained.weights=none keeps the floor"
            )
