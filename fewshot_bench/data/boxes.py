"""Boxes in pictures that become squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.label_rows import Box
from fewshot_bench.data.walk import counted

__all__ = ["fitted_boxes"]

Size = tuple[int, int]  # width, height in pixels
Boxes = tuple[npt.NDArray[np.int64], ...]


def fitted_boxes(
    boxes: Sequence[Sequence[Box]], sizes: Sequence[Size], side: int, fit: str
) -> tuple[Boxes, list[str]]:
    """(the boxes of each picture after it became a square, notes).

    boxes: xmin, ymin, xmax, ymax in pixels of the picture as it was, or all in shares of width and
    height; sizes: of the pictures as they were; side: of the squares, in pixels; fit: how they
    became squares, see `read_images`. Boxes of which nothing is left are left out, with a note.
    """
    are_shares = _are_shares(boxes)
    fitted = []
    lost = 0
    for of_picture, size in zip(boxes, sizes, strict=True):
        corners = np.array(of_picture, dtype=np.float64).reshape(-1, 4)
        if are_shares:
            corners *= (*size, *size)
        scale, offset = _mapping(size, side, fit)
        mapped = corners * (*scale, *scale) + (*offset, *offset)
        rounded = np.rint(mapped.clip(0, side)).astype(np.int64)
        has_area = (rounded[:, :2] < rounded[:, 2:]).all(1)
        lost += int((~has_area).sum())
        fitted.append(rounded[has_area])
    notes = []
    if are_shares:
        notes.append("boxes are read as shares of width and height: none is larger than 1")
    if lost:
        notes.append(
            f"{counted(lost, 'box is', 'boxes are')} left out: outside the square, or no pixel wide"
        )
    return tuple(fitted), notes


def _are_shares(boxes: Sequence[Sequence[Box]]) -> bool:
    largest = [max(box) for of_picture in boxes for box in of_picture]
    return bool(largest) and max(largest) <= 1


def _mapping(size: Size, side: int, fit: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """(scale, offset in pixels) in x and y from a picture to its square."""
    width, height = size
    if fit == "pad":
        longer = max(size)
        new_width = round(width * side / longer)
        new_height = round(height * side / longer)
        offset = (round((side - new_width) / 2), round((side - new_height) / 2))
        return (new_width / width, new_height / height), offset
    if fit == "crop":
        scale = side / min(size)
        offset_x = (side - width * scale) / 2
        offset_y = (side - height * scale) / 2
        return (scale, scale), (offset_x, offset_y)
    return (side / width, side / height), (0, 0)
