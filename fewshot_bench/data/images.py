"""The only decoder of image files."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image

from fewshot_bench.data.tree import Tree
from fewshot_bench.errors import UserError

__all__ = ["SUFFIXES", "decode", "is_image", "peek"]

SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
GREY = ("1", "L", *SIXTEEN_BITS)
MOST_PIXELS = 2**26  # of one image: 8,192 x 8,192


def is_image(file: str) -> bool:
    """Whether a file name ends like an image's."""
    return file.lower().endswith(SUFFIXES)


def decode(tree: Tree, file: str) -> Image.Image:
    """The image in mode L or RGB, all of its pixels read; `UserError` names the file where that fails."""
    with _opened(tree, file) as image:
        return _eight_bits(image)


def peek(tree: Tree, file: str) -> tuple[tuple[int, int], bool]:
    """(width, height) and whether it is grey, without decoding its pixels; raises as `decode`."""
    with _opened(tree, file) as image:
        return image.size, image.mode in GREY


@contextlib.contextmanager
def _opened(tree: Tree, file: str) -> Iterator[Image.Image]:
    content = io.BytesIO(tree.read(file))
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(content) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(
                    f"it has {image.width} x {image.height} pixels, allowed are {MOST_PIXELS:,}"
                )
            if (
                getattr(image, "n_frames", 1) > 1 and image.format != "MPO"
            ):  # a photograph and its preview
                raise ValueError(f"it has {image.n_frames} frames; keep the one that is meant")  # type: ignore[attr-defined]
            yield image
    except Exception as error:  # a decoder may stumble over a damaged file in any way
        raise UserError(
            f"{tree.path}: {file} is not a whole image ({error}); replace or remove it"
        ) from None


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels have mode {image.mode}, not 8 or 16 bits")
    return image.convert("L" if image.mode in GREY else "RGB")
