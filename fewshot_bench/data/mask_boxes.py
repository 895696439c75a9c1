"""Boxes round what masks show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from fewshot_bench.data.images import decode_image
from fewshot_bench.data.label_rows import Box
from fewshot_bench.data.tree import FileTree

__all__ = ["mask_boxes"]

WITH_CORNERS = np.ones((3, 3))  # pixels that touch at a corner are connected


def mask_boxes(tree: FileTree, masks: Sequence[str | None]) -> tuple[tuple[Box, ...], ...]:
    """Of each mask, a box round each connected part, in pixels.

    masks: names of files, or None where a picture has no mask, and so no box. A pixel belongs to
    what a mask shows if it is brighter than half of its brightest one; an all black one is empty.
    Raises `UserError` for a damaged file.
    """
    boxes = []
    for mask in masks:
        found = () if mask is None else _parts(tree, mask)
        boxes.append(found)
    return tuple(boxes)


def _parts(tree: FileTree, mask: str) -> tuple[Box, ...]:
    pixels = np.asarray(decode_image(tree, mask).convert("L"))
    is_shown = pixels > pixels.max() / 2
    parts, _ = ndimage.label(is_shown, structure=WITH_CORNERS)
    boxes = []
    for rows, columns in ndimage.find_objects(parts):
        boxes.append((columns.start, rows.start, columns.stop, rows.stop))
    return tuple(boxes)
