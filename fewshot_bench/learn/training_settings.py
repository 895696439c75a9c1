"""The settings of a training, and which of them a preset may replace."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench.learn.encoder import EncoderSettings, ImageSizeSettings, Precision
from fewshot_bench.settings import Settings

__all__ = ["LoopSettings", "OwnNetworkSettings", "TrainingSettings", "chosen_by_method"]


@dataclass(frozen=True, kw_only=True)
class LoopSettings(ImageSizeSettings):
    """How every trained baseline is trained, whatever its network.

    passes: the budget, in images passed through the encoder, each view counted; precision: of the
    encoder in training; augment: training sees random views; crop: smallest share of the area that
    a random crop keeps; flip: probability of each flip; rotate: views are rotated.
    """

    passes: int = 18_000
    batch_size: int = 32
    learning_rate: float = 5e-4
    precision: Precision = "float32"
    augment: bool = True
    crop: float = 0.2
    flip: float = 0.5
    rotate: bool = True

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("passes", 1)
        self.need_at_least("batch_size", 2)
        self.need_positive("learning_rate")
        self.need(0 < self.crop <= 1, "crop", "more than 0, at most 1")
        self.need(0 <= self.flip <= 1, "flip", "0 to 1")


@dataclass(frozen=True, kw_only=True)
class OwnNetworkSettings(LoopSettings):
    """Of a baseline that brings its own network: `make_encoder` builds it, with random weights."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(EncoderSettings, LoopSettings):
    """Of a baseline that trains a network of a library.

    freeze: only the modules beside the encoder are trained.
    """

    freeze: bool = False


# where a setting that presets replace comes from
_ORIGINS: dict[str, type[Settings]] = {
    "encoder": EncoderSettings,
    "weights": EncoderSettings,
    "image_size": ImageSizeSettings,
    "learning_rate": LoopSettings,
}


def chosen_by_method(settings_type: type[Settings]) -> set[str]:
    """Which of encoder, weights, image_size and learning_rate a method declares itself.

    Presets do not replace these. A method that declares its encoder chooses the weights too, as
    those of another encoder do not fit.
    """
    chosen = set()
    for name, origin in _ORIGINS.items():
        declaring = [cls for cls in settings_type.__mro__ if name in vars(cls)]
        if declaring and declaring[0] is not origin:
            chosen.add(name)
    if "encoder" in chosen:
        chosen.add("weights")
    return chosen
