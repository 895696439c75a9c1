"""Semi-supervised protocols: a share of the train images of each class loses its label."""

from __future__ import annotations

import math
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import first_of_shuffle, random_words, whole_steps

__all__ = ["check_unlabelled", "in_random_order", "labelled_counts"]

Indices = TypeVar("Indices", bound=npt.NDArray[np.integer])


def check_unlabelled(share: float) -> None:
    """Raise `UserError` unless 0 <= share < 1."""
    if not 0 <= share < 1:
        raise UserError(
            f"--unlabelled {share:g} is out of bounds (allowed: more than 0, less than 1); leave "
            "it out to train with all labels"
        )


def labelled_counts(sizes: list[int], share: float) -> list[int]:
    """How many train images of each class keep their labels; sizes: of the classes.

    Raises `UserError` if a class keeps none, or if no image loses its label.
    """
    counts = [size - math.floor(share * size + 0.5) for size in sizes]
    if min(counts) < 1:
        raise UserError(
            f"--unlabelled {share:g} leaves a class of {min(sizes)} train images no labelled one; "
            "choose a smaller share, or more train images"
        )
    if share > 0 and counts == sizes:
        raise UserError(
            f"--unlabelled {share:g} takes the label of no image, as the largest class has "
            f"{max(sizes)} train images; choose a larger share"
        )
    return counts


def in_random_order(images: Indices, key: str) -> Indices:
    """The images, shuffled (Fisher-Yates on Philox4x64). key: 64 hex digits."""
    count = len(images)
    ((_, words),) = random_words(key, whole_steps(count), 0, 1, block=1)
    order = first_of_shuffle(words[:, :count], np.array([count], dtype=np.int32))[0]
    return cast(Indices, images[order])
