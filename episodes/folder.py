"""Folder: a folder or zip of images with one folder a class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from statistics import median_low

import numpy as np
import numpy.typing as npt
from PIL import Image

from fewshot_bench import (
    IMAGE_SUFFIXES,
    DataCard,
    DataSet,
    FileTree,
    ImageHeader,
    LabelledImages,
    Settings,
    UserError,
    cached_images,
    decode_image,
    group_by_class,
    image_header,
    is_image,
)

MOST_BYTES = 2**33  # of all images together, decoded
LARGEST_SIDE = 256  # pixels; the most that is chosen if the user names no side


@dataclass(frozen=True, kw_only=True)
class FolderSettings(Settings):
    """side: images are resized to so many pixels a side.

    0 means: keep their size if all are squares of one size, else the median of their shorter sides,
    at most 256.
    """

    side: int = 0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        keeps_size = self.side == 0
        self.need(keeps_size or self.side >= 8, "side", "0, or 8 or more pixels")


class Folder(DataSet):
    """The class of an image is the name of its folder. Folders above it do not matter."""

    card = DataCard(
        title="Your own images",
        source="one folder a class, in a folder or a zip",
        year=2026,
        get_it="name the folder or zip with --data",
    )
    settings_type = FolderSettings
    settings: FolderSettings

    def load(self, path: Path | None) -> LabelledImages:
        """All images, as squares of one size; grey if every image is grey, else RGB."""
        if path is None:
            raise UserError(f"folder needs its data: {self.card.get_it}")
        with FileTree(path) as tree:
            key_parts = ["folder", self.settings.as_dict(), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings.side))


def _load(tree: FileTree, side: int) -> LabelledImages:
    files = _images_in_class_folders(tree)
    headers = [image_header(tree, file) for file in files]
    sizes = {header.size for header in headers}
    if side == 0:
        side = _common_side(headers)
    notes = list(tree.notes)
    if not _are_equal_squares(headers):
        notes.append(f"{len(sizes)} sizes of image, all resized to {side} x {side} pixels")
    mode = "L" if all(header.is_grey for header in headers) else "RGB"
    labels, class_names = _labels(files)
    return group_by_class(
        "folder",
        _pixels(tree, files, side, mode),
        labels,
        class_names,
        files,
        notes=notes,
    )


def _images_in_class_folders(tree: FileTree) -> list[str]:
    files = []
    for file in filter(is_image, tree.files):
        if _class_of(file):
            files.append(file)
    if not files:
        raise UserError(
            f"{tree.path} holds no image in a class folder; expected CLASS/NAME with "
            f"{', '.join(IMAGE_SUFFIXES)}"
        )
    return files


def _class_of(file: str) -> str:
    """The name of the folder that the file is in, or "" without one."""
    return PurePosixPath(file).parent.name


def _labels(files: Sequence[str]) -> tuple[list[int], list[str]]:
    """(label of each file, class names)."""
    classes = [_class_of(file) for file in files]
    class_names = sorted(set(classes))
    labels = [class_names.index(name) for name in classes]
    return labels, class_names


def _are_equal_squares(headers: Sequence[ImageHeader]) -> bool:
    side = headers[0].size[0]
    square = (side, side)
    return all(header.size == square for header in headers)


def _common_side(headers: Sequence[ImageHeader]) -> int:
    """The side of images that are squares of one size, else the median of the shorter sides."""
    if _are_equal_squares(headers):
        return headers[0].size[0]
    shorter_sides = [min(header.size) for header in headers]
    return min(LARGEST_SIDE, median_low(shorter_sides))


def _pixels(tree: FileTree, files: Sequence[str], side: int, mode: str) -> npt.NDArray[np.uint8]:
    """All images, (M, C, side, side). Raises `UserError` if they need too much memory."""
    shape = (len(files), side, side) if mode == "L" else (len(files), side, side, 3)
    size = math.prod(shape)
    if size > MOST_BYTES:
        gibibyte = 2**30
        raise UserError(
            f"{tree.path}: {len(files)} images of {side} x {side} pixels take "
            f"{size / gibibyte:.1f} GiB of memory (allowed: {MOST_BYTES / gibibyte:.0f}); resize "
            "them with --set folder.side=PIXELS"
        )
    pixels = np.empty(shape, dtype=np.uint8)
    for index, file in enumerate(files):
        image = decode_image(tree, file)
        pixels[index] = _square(image, side, mode)
    if mode == "L":
        return pixels[:, None]
    return pixels.transpose(0, 3, 1, 2)


def _square(image: Image.Image, side: int, mode: str) -> npt.NDArray[np.uint8]:
    """(side, side) if the mode is L, else (side, side, 3)."""
    image = image.convert(mode)
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(image)
