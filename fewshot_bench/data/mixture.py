"""Several data sets put together as one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from fewshot_bench.data.cache import cached_images
from fewshot_bench.data.groups import numbered
from fewshot_bench.data.labelled import Boxes, LabelledImages, group_by_class

__all__ = ["PLUS", "of_part", "put_together"]

PLUS = "+"  # between the names of data sets
VERSION = 1  # of what is made of the same parts


def of_part(part: str, name: str) -> str:
    """The name that a class or file of a part has in the whole, such as `neu/Crazing`."""
    return f"{part}/{name}"


def put_together(parts: Sequence[LabelledImages], side: int = 0) -> LabelledImages:
    """One data set of several, whose classes and files carry the name of their part.

    side: of all images, in pixels; 0: the shortest side of all parts, so that no image is enlarged.
    The images are grey if all parts are, else RGB. Copies that are byte-identical then are left
    out, as in one data set. Boxes are scaled. If one part has groups, each image of a part without
    them is a group of its own. Notes name their part.

    Raises `UserError` if a class has no image that is in no other class.
    """
    if side == 0:
        side = min(min(part.images.shape[2:]) for part in parts)
    key_parts = ["mixture", VERSION, side, *map(_identity, parts)]
    return cached_images(key_parts, lambda: _put_together(parts, side))


def _identity(part: LabelledImages) -> dict[str, object]:
    """All that is read of a part, JSON-serialisable; its digest stands for pixels and labels."""
    values = {}
    for field in dataclasses.fields(part):
        if field.name not in ("images", "labels", "boxes", "groups", "abbreviations"):
            values[field.name] = getattr(part, field.name)
    values["abbreviations"] = dict(part.abbreviations)
    values["boxes"] = None if part.boxes is None else [rows.tolist() for rows in part.boxes]
    values["groups"] = None if part.groups is None else part.groups.tolist()
    return values


def _put_together(parts: Sequence[LabelledImages], side: int) -> LabelledImages:
    class_names: list[str] = []
    files: list[str] = []
    labels: list[int] = []
    for part in parts:
        labels += (part.labels + len(class_names)).tolist()
        class_names += [of_part(part.name, name) for name in part.class_names]
        files += [of_part(part.name, file) for file in part.files]
    whole = group_by_class(
        PLUS.join(part.name for part in parts),
        _images(parts, side),
        labels,
        class_names,
        files,
        boxes=_boxes(parts, side),
        notes=list(_notes(parts, side)),
        abbreviations=_abbreviations(parts),
    )
    dropped = []
    contradictions = []
    for part in parts:
        for file, earlier in part.dropped:
            dropped.append((of_part(part.name, file), of_part(part.name, earlier)))
        for copies in part.contradictions:
            named = [(of_part(part.name, file), of_part(part.name, name)) for file, name in copies]
            contradictions.append(tuple(named))
    return dataclasses.replace(
        whole,
        dropped=(*dropped, *whole.dropped),
        contradictions=(*contradictions, *whole.contradictions),
        mask_channel=_mask_channel(parts),
        groups=_groups(parts, whole.files),
        group_by=_group_by(parts),
    )


def _channels(parts: Sequence[LabelledImages]) -> int:
    channels = [int(part.images.shape[1]) for part in parts]
    return max(channels)


def _images(parts: Sequence[LabelledImages], side: int) -> npt.NDArray[np.uint8]:
    """(M, C, side, side): the images of all parts, one part after the other."""
    count = sum(len(part) for part in parts)
    images = np.empty((count, _channels(parts), side, side), dtype=np.uint8)
    index = 0
    for part in parts:
        for image in part.images:
            images[index] = _resized(image, side)  # grey: the same in each channel
            index += 1
    return images


def _resized(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """(C, side, side) from an image (C, H, W)."""
    if image.shape[1:] == (side, side):
        return image
    channels = []
    for channel in image:
        whole = Image.fromarray(np.ascontiguousarray(channel))
        channels.append(np.asarray(whole.resize((side, side), Image.Resampling.BILINEAR)))
    return np.stack(channels)


def _boxes(parts: Sequence[LabelledImages], side: int) -> Boxes | None:
    """The boxes of each image in pixels of its new size, or None if no part has boxes."""
    if all(part.boxes is None for part in parts):
        return None
    no_box = np.zeros((0, 4), dtype=np.int64)
    boxes: list[npt.NDArray[np.int64]] = []
    for part in parts:
        if part.boxes is None:
            boxes += [no_box] * len(part)
            continue
        height, width = part.images.shape[2:]
        scale = side / np.array([width, height, width, height])
        boxes += [np.rint(rows * scale).astype(np.int64) for rows in part.boxes]
    return tuple(boxes)


def _mask_channel(parts: Sequence[LabelledImages]) -> int | None:
    """The channel that says where the defect is, if it is the same one in all parts."""
    channels = {part.mask_channel for part in parts}
    return channels.pop() if len(channels) == 1 else None


def _groups(parts: Sequence[LabelledImages], files: Sequence[str]) -> npt.NDArray[np.int64] | None:
    """The group of each of these files, (M,), or None if no part has groups."""
    if all(part.groups is None for part in parts):
        return None
    group_of: dict[str, Hashable] = {}
    for part in parts:
        groups = part.files if part.groups is None else part.groups.tolist()
        for file, group in zip(part.files, groups, strict=True):
            group_of[of_part(part.name, file)] = (part.name, group)
    return numbered([group_of[file] for file in files])


def _group_by(parts: Sequence[LabelledImages]) -> str:
    texts = [f"{part.name}: {part.group_by}" for part in parts if part.groups is not None]
    return ", ".join(texts)


def _abbreviations(parts: Sequence[LabelledImages]) -> dict[str, str]:
    """Short names with that of their part; also without it, where no other part has such a name."""
    having: Counter[str] = Counter()
    for part in parts:
        names = {name.casefold() for name in (*part.class_names, *part.abbreviations)}
        having.update(names)
    abbreviations = {}
    unambiguous = {}
    for part in parts:
        for short, name in part.abbreviations.items():
            full_name = of_part(part.name, name)
            abbreviations[of_part(part.name, short)] = full_name
            if having[short.casefold()] == 1:
                unambiguous[short] = full_name
    return abbreviations | unambiguous  # tables show the last one of a class


def _notes(parts: Sequence[LabelledImages], side: int) -> Iterator[str]:
    for part in parts:
        for note in part.notes:
            yield f"{part.name}: {note}"
    name = PLUS.join(part.name for part in parts)
    resized = {}
    for part in parts:
        height, width = part.images.shape[2:]
        if (height, width) != (side, side):
            resized[part.name] = f"{width} x {height}"
    if resized:
        yield (
            f"all images have {side} x {side} pixels (--set {name}.side sets another side): "
            f"resized are {_listed(resized)}"
        )
    grey = {}
    for part in parts:
        if part.images.shape[1] < _channels(parts):
            grey[part.name] = "grey"
    if grey:
        yield f"all images are RGB: their three channels are equal in {', '.join(grey)}"
    masked = [part.name for part in parts if part.mask_channel is not None]
    if masked and _mask_channel(parts) is None:
        yield f"where the defect is, a channel of {', '.join(masked)} says: it is not kept"
    composed = [part.name for part in parts if part.composition]
    if composed:
        yield (
            f"each class is a kind of defect of its own: what those of {', '.join(composed)} are "
            "made of is not kept"
        )
    alone = [part.name for part in parts if part.groups is None]
    if 0 < len(alone) < len(parts):
        yield f"each image of {', '.join(alone)} is a group of its own, as there are none in it"


def _listed(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({value})" for name, value in values.items())
