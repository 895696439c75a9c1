"""Figures that papers print: shown beside ours, never ranked with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ALL_CLASSES", "Published"]

ALL_CLASSES = "mean of classes"  # the group of them all


@dataclass(frozen=True)
class Published:
    """An accuracy (a fraction) that a paper prints. protocol: the named protocol it is nearest to; at: the number of shots,
    of training images a class, or the train share; differs: what is not as in that protocol; group: the class or group
    of classes whose recall it is, or nothing for the share of all images.
    """

    protocol: str
    at: str
    accuracy: float
    differs: str
    group: str = ""

    @classmethod
    def table(
        cls, protocol: str, differs: str, figures: Mapping[str, float]
    ) -> tuple[Published, ...]:
        """One figure for each `at` -> accuracy of `figures`."""
        return tuple(cls(protocol, at, accuracy, differs) for at, accuracy in figures.items())
