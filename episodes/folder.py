"""Folder: any tree or zip of images with one folder a class."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from statistics import median_low

import numpy as np
from PIL import Image

from fewshot_bench.data.cache import cached
from fewshot_bench.data.images import SUFFIXES, decode, is_image, peek
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.tree import Tree
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.settings import Settings

MOST_BYTES = 2**33  # of all images together, decoded
LARGEST_SIDE = 256  # pixels a side, where images differ in size and none is asked for


@dataclass(frozen=True, kw_only=True)
class FolderSettings(Settings):
    """side: pixels a side that images are resized to; 0 keeps their size where all are equal squares.

    Where they are not, 0 means the median of their shorter sides, at most 256.
    """

    side: int = 0

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        self.need(self.side == 0 or self.side >= 8, "side", "0, or 8 or more pixels")


class Folder(DataSet):
    """The class of an image is the folder it lies in, so `train/` and `validation/` above the classes do not matter."""

    card = DataCard(
        title="Your own images",
        source="one folder a class, in a folder or a zip",
        year=2026,
        get_it="name the folder or zip with --data",
    )
    settings_type = FolderSettings
    settings: FolderSettings

    def load(self, path: Path | None) -> LabelledImages:
        """All images, grey if every one is, resized to one square size where they differ."""
        if path is None:
            raise UserError(f"folder needs its data: {self.card.get_it}")
        with Tree(path) as tree:
            return cached(
                ["folder", self.settings.as_dict(), tree.content()],
                lambda: _load(tree, self.settings.side),
            )


def _load(tree: Tree, side: int) -> LabelledImages:
    files = [file for file in tree.files if is_image(file) and PurePosixPath(file).parent.name]
    if not files:
        raise UserError(
            f"{tree.path} holds no image in a class folder; expected CLASS/NAME with {', '.join(SUFFIXES)}"
        )
    seen = [peek(tree, file) for file in files]
    sizes = Counter(size for size, _ in seen)
    width, height = seen[0][0]
    same = len(sizes) == 1 and width == height
    target = side or (
        width if same else min(LARGEST_SIDE, median_low(min(size) for size in sizes.elements()))
    )
    mode = "L" if all(grey for _, grey in seen) else "RGB"
    shape = (len(files), target, target, *([3] if mode == "RGB" else []))
    if math.prod(shape) > MOST_BYTES:
        raise UserError(
            f"{tree.path}: {len(files)} images of {target} x {target} pixels take {math.prod(shape) / 2**30:.1f} GiB of "
            f"memory (allowed: {MOST_BYTES / 2**30:.0f}); resize them with --set folder.side=PIXELS"
        )
    pixels = np.empty(shape, dtype=np.uint8)
    for at, file in enumerate(files):
        pixels[at] = _square(decode(tree, file), target, mode)
    names = sorted({PurePosixPath(file).parent.name for file in files})
    notes = []
    if len(sizes) > 1 or not same:
        notes.append(f"{len(sizes)} sizes of image, all resized to {target} x {target} pixels")
    return group_by_class(
        "folder",
        pixels[:, None] if mode == "L" else pixels.transpose(0, 3, 1, 2),
        [names.index(PurePosixPath(file).parent.name) for file in files],
        names,
        files,
        notes=notes,
    )


def _square(
    image: Image.Image, side: int, mode: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = image.convert(mode)
    return np.asarray(
        image
        if image.size == (side, side)
        else image.resize((side, side), Image.Resampling.BILINEAR)
    )
