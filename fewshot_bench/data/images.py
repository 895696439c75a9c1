"""Decoding image files. No other file of the package does this."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from fewshot_bench.data.tree import FileTree
from fewshot_bench.errors import UserError

__all__ = ["IMAGE_SUFFIXES", "ImageHeader", "decode_image", "image_header", "is_image"]

IMAGE_SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
GREY = ("1", "L", *SIXTEEN_BITS)
MOST_PIXELS = 2**26  # of one image: 8,192 x 8,192


@dataclass(frozen=True)
class ImageHeader:
    """What an image file says about itself. size: (width, height) in pixels."""

    size: tuple[int, int]
    is_grey: bool


def is_image(file: str) -> bool:
    """Whether the file name has the suffix of an image."""
    return file.lower().endswith(IMAGE_SUFFIXES)


def decode_image(tree: FileTree, file: str) -> Image.Image:
    """Decode an image to 8 bits: mode L if it is grey, else RGB.

    16-bit grey values are divided by 256. Raises `UserError`, which names the file, if it is
    damaged, has more than one frame, more than 2**26 pixels, or pixels of another type.
    """
    with _opened(tree, file) as image:
        return _eight_bits(image)


def image_header(tree: FileTree, file: str) -> ImageHeader:
    """The header of an image. Its pixels are not decoded. Raises as `decode_image` does."""
    with _opened(tree, file) as image:
        return ImageHeader(size=image.size, is_grey=image.mode in GREY)


@contextlib.contextmanager
def _opened(tree: FileTree, file: str) -> Iterator[Image.Image]:
    content = io.BytesIO(tree.read(file))
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(content) as image:
            _check(image)
            yield image
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise UserError(
            f"{tree.path}: {file} is not a whole image ({error}); replace or remove it"
        ) from None


def _check(image: Image.Image) -> None:
    """Raise `ValueError` for an image that is too large or has several frames."""
    if image.width * image.height > MOST_PIXELS:
        raise ValueError(
            f"it has {image.width} x {image.height} pixels, allowed are {MOST_PIXELS:,}"
        )
    # the further frames of MPO, a format of cameras, are previews of the same photograph
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise ValueError(f"it has {frames} frames; keep the one that is meant")


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        sixteen_bits = np.asarray(image).astype(np.uint16)
        eight_bits = (sixteen_bits >> 8).astype(np.uint8)
        return Image.fromarray(eight_bits)
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels have mode {image.mode}, not 8 or 16 bits")
    mode = "L" if image.mode in GREY else "RGB"
    return image.convert(mode)
