"""Accuracies that papers print. They are shown beside the measured ones and never ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ALL_CLASSES", "Published"]

ALL_CLASSES = "mean of classes"  # the group of all classes


@dataclass(frozen=True)
class Published:
    """An accuracy that a paper prints.

    protocol: the named protocol that is nearest to the paper's; at: the shot value, the number of
    train images of each class, or the train share, as text; accuracy: a fraction; differs: what
    differs from that protocol; group: the class or group of classes whose recall it is, or "" for
    the accuracy over all images.
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
        """One `Published` for each `at` -> accuracy in `figures`."""
        rows = []
        for at, accuracy in figures.items():
            rows.append(cls(protocol, at, accuracy, differs))
        return tuple(rows)

    @classmethod
    def recalls(
        cls, protocol: str, at: str, differs: str, figures: Mapping[str, float]
    ) -> tuple[Published, ...]:
        """One `Published` for each class or group of classes -> recall in `figures`."""
        rows = []
        for group, recall in figures.items():
            rows.append(cls(protocol, at, recall, differs, group))
        return tuple(rows)
