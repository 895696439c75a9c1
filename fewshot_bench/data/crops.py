"""One image a box: the squares around the boxes of pictures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
import numpy.typing as npt
from PIL import Image

from fewshot_bench.data.groups import numbered
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError

__all__ = ["cropped"]

CROPS = "-crops"  # ends the name of a data set of crops
BY_PICTURE = "picture of the crop"  # where the groups come from if the pictures have none
LEAST_SIDE = 16  # pixels of a crop
MOST_MARGIN = 10


@dataclass(frozen=True)
class _Crop:
    """A square in a picture. picture: its index; number: of the box in the picture, from 1."""

    picture: int
    number: int
    box: npt.NDArray[np.int64]
    left: int
    top: int
    side: int


def cropped(data: LabelledImages, margin: float) -> LabelledImages:
    """One image a box, with the class of its picture.

    margin: what is added on each side of a box, as a share of its longer side. A crop is the square
    around the box, moved into the picture where it leads out; all are resized to the median of
    their sides. Crops of one picture are a group, unless the pictures have groups, which their
    crops then keep. Pictures and classes without a box are left out, with a note.

    Raises `UserError` if the pictures have no boxes, and for a margin out of bounds.
    """
    if not 0 <= margin <= MOST_MARGIN:
        raise UserError(
            f"--crop-boxes {margin:g} is out of bounds (allowed: 0 to {MOST_MARGIN}, a share of "
            "the longer side of a box)"
        )
    crops = _crops(data, margin)
    if not crops:
        raise UserError(
            f"--crop-boxes {margin:g}: {data.name} has no boxes here; give its annotations, or a "
            "label table with columns for boxes, or leave it out"
        )
    sides = [crop.side for crop in crops]
    side = max(LEAST_SIDE, median_low(sides))
    with_boxes = sorted({int(data.labels[crop.picture]) for crop in crops})
    class_names = [data.class_names[label] for label in with_boxes]
    images = np.stack([_pixels(data.images[crop.picture], crop, side) for crop in crops])
    files = [f"{data.files[crop.picture]}#{crop.number}" for crop in crops]
    of_crops = group_by_class(
        f"{data.name}{CROPS}",
        images,
        [with_boxes.index(data.labels[crop.picture]) for crop in crops],
        class_names,
        files,
        boxes=tuple(_box_in_crop(crop, side) for crop in crops),
        notes=[*data.notes, *_notes(data, crops, side)],
        abbreviations=_abbreviations(data, class_names),
    )
    return dataclasses.replace(
        of_crops,
        dropped=(*data.dropped, *of_crops.dropped),
        contradictions=(*data.contradictions, *of_crops.contradictions),
        groups=_groups(data, crops, files, of_crops.files),
        group_by=data.group_by or BY_PICTURE,
    )


def _crops(data: LabelledImages, margin: float) -> list[_Crop]:
    crops = []
    size = min(data.images.shape[2:])
    for picture, boxes in enumerate(data.boxes or ()):
        for number, box in enumerate(boxes, start=1):
            longer = int(max(box[2] - box[0], box[3] - box[1]))
            side = min(size, max(1, math.ceil(longer * (1 + 2 * margin))))
            left = _start(int(box[0] + box[2]), side, data.images.shape[3])
            top = _start(int(box[1] + box[3]), side, data.images.shape[2])
            crops.append(_Crop(picture, number, box, left, top, side))
    return crops


def _start(doubled_middle: int, side: int, length: int) -> int:
    """Where a stretch of `side` pixels around a middle begins, within `length` pixels."""
    start = (doubled_middle - side) // 2
    return min(max(start, 0), length - side)


def _pixels(picture: npt.NDArray[np.uint8], crop: _Crop, side: int) -> npt.NDArray[np.uint8]:
    """(C, side, side) from a picture (C, H, W)."""
    rows = slice(crop.top, crop.top + crop.side)
    columns = slice(crop.left, crop.left + crop.side)
    channels = []
    for channel in picture[:, rows, columns]:
        image = Image.fromarray(np.ascontiguousarray(channel))
        channels.append(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)))
    return np.stack(channels)


def _box_in_crop(crop: _Crop, side: int) -> npt.NDArray[np.int64]:
    """(1, 4): the box in pixels of its crop."""
    start = np.array([crop.left, crop.top, crop.left, crop.top])
    scaled = (crop.box - start) * (side / crop.side)
    box: npt.NDArray[np.int64] = np.rint(scaled.clip(0, side)).astype(np.int64)
    return box[None]


def _groups(
    data: LabelledImages, crops: Sequence[_Crop], files: Sequence[str], kept: Sequence[str]
) -> npt.NDArray[np.int64]:
    """The group of each crop that was kept."""
    group_of = {}
    for crop, file in zip(crops, files, strict=True):
        group_of[file] = crop.picture if data.groups is None else int(data.groups[crop.picture])
    return numbered([group_of[file] for file in kept])


def _abbreviations(data: LabelledImages, class_names: Sequence[str]) -> dict[str, str]:
    kept = {}
    for short, name in data.abbreviations.items():
        if name in class_names:
            kept[short] = name
    return kept


def _notes(data: LabelledImages, crops: Sequence[_Crop], side: int) -> list[str]:
    height, width = data.images.shape[2:]
    notes = [
        f"{counted(len(crops), 'box is', 'boxes are')} cut out as squares from pictures of "
        f"{width} x {height} pixels and resized to {side} x {side} pixels; "
        "the crops of a picture share its class"
    ]
    pictures = {crop.picture for crop in crops}
    without = [file for at, file in enumerate(data.files) if at not in pictures]
    if without:
        notes.append(
            f"{counted(len(without), 'picture is', 'pictures are')} left out, without a box: "
            f"{some(without)}"
        )
    labels = {int(data.labels[picture]) for picture in pictures}
    lost = [name for label, name in enumerate(data.class_names) if label not in labels]
    if lost:
        notes.append(f"classes without a box are left out: {some(lost)}")
    return notes
