"""Presets: settings for every baseline that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["PRESETS", "Preset"]

LEAST_FROM_SCRATCH = 18_000  # passes that random weights need to become of any use


@dataclass(frozen=True)
class Preset:
    """Settings for every baseline that has them.

    weights: none, or DEFAULT for the best published ones; image_size: pixels a side, None for the
    data's own; learning_rate: None for that of the method; passes: the training budget for a number
    of training images and the views that a method takes of each image; own_network_passes: the same
    for a method that brings its own network, which starts from random weights.
    """

    name: str
    encoder: str
    weights: str
    image_size: int | None
    learning_rate: float | None
    passes: Callable[[int, int], int]
    own_network_passes: Callable[[int, int], int]

    def settings(
        self, *, side: int, train_images: int, views: int, own_network: bool
    ) -> dict[str, object]:
        """The settings by name.

        side: of the data's images, in pixels; views: that a method takes of each image;
        own_network: whether it brings its own.
        """
        image_size = self.image_size or side
        if own_network:
            # the learning rate is for the weights of the preset
            passes = self.own_network_passes(train_images, views)
            return {"image_size": image_size, "passes": passes}
        settings: dict[str, object] = {
            "encoder": self.encoder,
            "weights": self.weights,
            "image_size": image_size,
            "passes": self.passes(train_images, views),
        }
        if self.learning_rate is not None:
            settings["learning_rate"] = self.learning_rate
        return settings


def _quick_passes(images: int, views: int) -> int:
    """A minute of training for every method: published weights need little more."""
    del images, views
    return 4_500


def _quick_own_passes(images: int, views: int) -> int:
    """The least of `scratch`, for every method."""
    del images, views
    return LEAST_FROM_SCRATCH


def _scratch_passes(images: int, views: int) -> int:
    """The same budget for every method, so `views` does not count."""
    del views
    return max(LEAST_FROM_SCRATCH, 60 * images)


def _paper_passes(images: int, views: int) -> int:
    """100 epochs of each method."""
    return 100 * images * views


_ALL = (
    Preset("quick", "efficientnet_lite0", "DEFAULT", 96, 1e-4, _quick_passes, _quick_own_passes),
    Preset("scratch", "resnet18", "none", 64, None, _scratch_passes, _scratch_passes),
    Preset("paper", "resnet50", "none", None, None, _paper_passes, _paper_passes),
)
PRESETS = {preset.name: preset for preset in _ALL}
