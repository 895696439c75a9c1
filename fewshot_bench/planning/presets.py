"""Presets: settings for every baseline that has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True)
class Preset:
    """Settings for every baseline that has them.

    image_size: pixels a side, None for the data's own; passes: the training budget for a number of
    training images and the views that a method takes of each image.
    """

    name: str
    encoder: str
    image_size: int | None
    passes: Callable[[int, int], int]


def _quick_passes(images: int, views: int) -> int:
    """The same budget for every method, so `views` does not count."""
    del views
    return max(18_000, 60 * images)


def _paper_passes(images: int, views: int) -> int:
    """100 epochs of each method."""
    return 100 * images * views


PRESETS = {
    "quick": Preset("quick", "resnet18", 64, _quick_passes),
    "paper": Preset("paper", "resnet50", None, _paper_passes),
}
