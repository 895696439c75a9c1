"""Boxes of objects in pictures from Pascal VOC annotations, an XML file beside each picture."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree import ElementTree

from fewshot_bench.data.label_rows import Box
from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import counted
from fewshot_bench.errors import UserError

__all__ = ["AnnotatedBox", "annotated_boxes"]

SIDES = ("xmin", "ymin", "xmax", "ymax")  # elements of an annotation
DECLARED = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([\w.-]+)[\"'][^>]*\?>")


@dataclass(frozen=True)
class AnnotatedBox:
    """name: of the object, or empty; box: in pixels of the picture."""

    name: str
    box: Box


def _plain_stem(file: str) -> str:
    return PurePosixPath(file).stem


def annotated_boxes(
    tree: FileTree, images: Sequence[str], stem: Callable[[str], str] = _plain_stem
) -> tuple[list[tuple[AnnotatedBox, ...]], list[str]] | None:
    """(the boxes of each image, notes), or None if the tree has no XML files.

    The annotation of an image is the XML file with its stem, wherever it lies. stem: of a file, if
    it is not its name without the ending. An image without an annotation that can be read has no
    boxes, and swapped corners are put right; notes count both.
    """
    annotations = {}
    for file in tree.files:
        if file.lower().endswith(".xml"):
            annotations[stem(file)] = file
    if not annotations:
        return None
    boxes = []
    without = []
    swapped = 0
    for image in images:
        found: list[AnnotatedBox] = []
        try:
            found = _read(tree, annotations.get(stem(image)))
        except (ElementTree.ParseError, LookupError, ValueError, UserError) as error:
            without.append(f"{PurePosixPath(image).name}: {error}")
        upright = tuple(map(_upright, found))
        swapped += sum(box != before for box, before in zip(upright, found, strict=True))
        boxes.append(upright)
    notes = []
    if without:
        notes.append(
            f"{len(without)} images have no annotation that can be read, and so no boxes, first "
            f"{without[0]}"
        )
    if swapped:
        count = counted(swapped, "box", "boxes")
        notes.append(f"{count} had their corners swapped, and were put right")
    return boxes, notes


def _upright(found: AnnotatedBox) -> AnnotatedBox:
    left, top, right, bottom = found.box
    box = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    return AnnotatedBox(found.name, box)


def _read(tree: FileTree, file: str | None) -> list[AnnotatedBox]:
    """The boxes of one annotation.

    Raises `ParseError`, `LookupError`, `ValueError` or `UserError` if it cannot be read.
    """
    if file is None:
        raise ValueError("there is none")
    found = []
    for element in _parsed(tree.read(file)).findall("object"):
        name = (element.findtext("name") or "").strip()
        for corners in element.findall("bndbox"):
            found.append(AnnotatedBox(name, _box(corners)))
    return found


def _box(corners: ElementTree.Element) -> Box:
    # an element that is missing reads as "", which is no number
    left, top, right, bottom = (float(corners.findtext(side) or "") for side in SIDES)
    box = (left, top, right, bottom)
    if not all(map(math.isfinite, box)):
        raise ValueError("a corner is no number")
    return box


def _parsed(content: bytes) -> ElementTree.Element:
    """The XML, in any encoding that it declares: the parser itself knows a few."""
    declared = DECLARED.match(content)
    if declared is None:
        return ElementTree.fromstring(content)
    text = content[declared.end() :].decode(declared[1].decode())
    return ElementTree.fromstring(text)
