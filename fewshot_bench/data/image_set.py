"""Many image files as one array of squares, and what was changed to make them so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from fewshot_bench.data.images import ImageHeader, decode_image, image_header
from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.settings import Settings

__all__ = ["FITS", "ImageSet", "PictureSettings", "read_images"]

MOST_BYTES = 2**33  # of all images together, decoded
LARGEST_SIDE = 256  # pixels; the most that is chosen if the user names no side
LONGER = 1.1  # times the shorter side: from here the shape of an image is no square
# how many bits cameras have, of the 16 in a file
DEPTHS = (8, 10, 12, 14, 16)
# how an image that is no square becomes one, and what a note says of it
HOW_FITTED = {
    "squash": "squashed to squares; --fit pad and --fit crop keep their shape",
    "pad": "padded with black to squares",
    "crop": "cropped to the square in their middle",
}
FITS = tuple(HOW_FITTED)


@dataclass(frozen=True, kw_only=True)
class PictureSettings(Settings):
    """How pictures of several sizes are read.

    side: they are resized to so many pixels a side; 0: keep their size if all are squares of one
    size, else the median of their shorter sides, at most 256. fit: how one becomes a square.
    """

    side: int = 224
    fit: str = "squash"

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        keeps_size = self.side == 0
        self.need(keeps_size or self.side >= 8, "side", "0, or 8 or more pixels")
        self.need(self.fit in FITS, "fit", ", ".join(FITS))


@dataclass(frozen=True, eq=False)
class ImageSet:
    """images: uint8, (M, C, side, side); notes: what was changed, resized and turned.

    sizes: (width, height) of each in pixels, upright, before it became a square.
    """

    images: npt.NDArray[np.uint8]
    notes: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]


def read_images(
    tree: FileTree, files: Sequence[str], *, side: int = 0, fit: str = "squash"
) -> ImageSet:
    """All images as squares of one size: grey (C = 1) if every image is grey, else RGB (C = 3).

    side: in pixels; 0: keep the size if all are squares of one size, else the median of their
    shorter sides, at most 256. fit: how an image that is no square becomes one: squashed, padded
    with black, or cropped to its middle. 16-bit grey values are divided by the same power of two,
    by the largest of all images (10, 12, 14 or 16 bits).

    Raises `UserError` that names every damaged image, or if the images need more than 8 GiB.
    """
    if fit not in FITS:
        raise unknown("fit", fit, FITS)
    headers = _headers(tree, files)
    if side == 0:
        side = _common_side(headers)
    mode = "L" if all(header.is_grey for header in headers) else "RGB"
    bits = _depth(headers)
    shape = (len(files), side, side) if mode == "L" else (len(files), side, side, 3)
    _check_memory(tree, shape)
    pixels = np.empty(shape, dtype=np.uint8)
    damaged = {}
    for index, file in enumerate(files):
        try:
            image = decode_image(tree, file, bits=bits)
        except UserError as error:
            damaged[file] = error
        else:
            pixels[index] = np.asarray(_square(image.convert(mode), side, fit))
    _refuse(damaged)
    images = pixels[:, None] if mode == "L" else pixels.transpose(0, 3, 1, 2)
    sizes = tuple(header.size for header in headers)
    return ImageSet(images, tuple(_notes(headers, side, fit, bits)), sizes)


def _headers(tree: FileTree, files: Sequence[str]) -> list[ImageHeader]:
    headers = []
    damaged = {}
    for file in files:
        try:
            headers.append(image_header(tree, file))
        except UserError as error:
            damaged[file] = error
    if damaged:  # others may have a whole header and no whole picture
        for file in files:
            if file not in damaged:
                try:
                    decode_image(tree, file)
                except UserError as error:
                    damaged[file] = error
    _refuse(damaged)
    return headers


def _refuse(damaged: Mapping[str, UserError]) -> None:
    """Raise `UserError` for images that cannot be read: the first, and which others."""
    if not damaged:
        return
    first, *others = damaged
    message = str(damaged[first])
    if others:
        more = counted(len(others), "more image", "more images")
        message += f"; {more} cannot be read: {some(others)}"
    raise UserError(message)


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


def _depth(headers: Sequence[ImageHeader]) -> int:
    """The bits that the values of the 16-bit images take."""
    largest = max(header.largest for header in headers)
    return next(depth for depth in DEPTHS if largest < 2**depth)


def _check_memory(tree: FileTree, shape: tuple[int, ...]) -> None:
    size = math.prod(shape)
    if size > MOST_BYTES:
        gibibyte = 2**30
        raise UserError(
            f"{tree.path}: {shape[0]} images of {shape[1]} x {shape[2]} pixels take "
            f"{size / gibibyte:.1f} GiB of memory (allowed: {MOST_BYTES / gibibyte:.0f}); resize "
            "them with --set folder.side=PIXELS"
        )


def _square(image: Image.Image, side: int, fit: str) -> Image.Image:
    size = (side, side)
    if image.size == size:
        return image
    if fit == "pad":
        return ImageOps.pad(image, size, Image.Resampling.BILINEAR, color=0)
    if fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    return image.resize(size, Image.Resampling.BILINEAR)


def _notes(headers: Sequence[ImageHeader], side: int, fit: str, bits: int) -> Iterator[str]:
    sizes = {header.size for header in headers}
    if sizes != {(side, side)}:
        number = counted(len(sizes), "size", "sizes")
        yield f"{number} of image, all resized to {side} x {side} pixels"
    long = sum(max(header.size) > LONGER * min(header.size) for header in headers)
    if long:
        number = counted(long, "image is", "images are")
        yield f"{number} longer on one side by more than a tenth, and {HOW_FITTED[fit]}"
    largest = [header.largest for header in headers if header.largest]
    if largest:
        number = counted(len(largest), "image has", "images have")
        yield (
            f"{number} 16 bits, with values of at most {max(largest):,}; they are read as {bits} "
            f"bits and divided by {2 ** (bits - 8)}"
        )
    deep = sum(header.has_deep_colour for header in headers)
    if deep:
        number = counted(deep, "image has", "images have")
        yield f"{number} 16 bits in each colour, of which the upper 8 are read"
    turned = sum(header.is_turned for header in headers)
    if turned:
        number = counted(turned, "image is", "images are")
        yield f"{number} turned or mirrored as the EXIF orientation says"
    transparent = sum(header.is_transparent for header in headers)
    if transparent:
        number = counted(transparent, "image is", "images are")
        yield f"{number} transparent in places, and laid over black there"
