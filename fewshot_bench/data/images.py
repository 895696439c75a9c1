"""Decoding image files. No other file of the package does this."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError, features

from fewshot_bench.data.tree import FileTree
from fewshot_bench.errors import UserError

__all__ = [
    "IMAGE_SUFFIXES",
    "JPEG_SUFFIXES",
    "UNREADABLE_SUFFIXES",
    "ImageHeader",
    "decode_image",
    "eight_bit_image",
    "header_of",
    "image_header",
    "is_image",
    "opened_image",
]

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jfif")
PLAIN_SUFFIXES = (".bmp", ".gif", ".pgm", ".png", ".ppm", ".tif", ".tiff")
# suffixes that Pillow reads where it is built with a library; its name in `PIL.features`
WITH_LIBRARY = {".jp2": "jpg_2000", ".webp": "webp"}
# pictures that are told, because they are not read
OTHER_PICTURES = (
    *(".avif", ".heic", ".heif", ".dcm", ".dicom", ".jxl", ".svg", ".psd", ".exr", ".hdr"),
    *(".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw", ".npy", ".mat", ".fits", ".czi"),
)


def _has_library(suffix: str) -> bool:
    return bool(features.check(WITH_LIBRARY[suffix]))


READ_BY_LIBRARY = tuple(filter(_has_library, WITH_LIBRARY))
IMAGE_SUFFIXES = tuple(sorted((*JPEG_SUFFIXES, *PLAIN_SUFFIXES, *READ_BY_LIBRARY)))
UNREADABLE_SUFFIXES = frozenset({*OTHER_PICTURES, *WITH_LIBRARY} - {*IMAGE_SUFFIXES})

SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
DEEP = (*SIXTEEN_BITS, "I")  # I: 32 bits, in which Pillow holds some files of 16
GREY = ("1", "L", *DEEP)
MOST_PIXELS = 2**26  # of one image: 8,192 x 8,192
LARGEST_DEEP = 2**16 - 1
OPAQUE = 255
GROUND = (0, 0, 0, OPAQUE)  # below what is transparent: black
UPRIGHT = 1  # EXIF orientation
EXIF_OF_PNG = {"exif", "Raw profile type exif"}  # where Pillow keeps it


@dataclass(frozen=True)
class ImageHeader:
    """What an image file says about itself.

    size: (width, height) in pixels, after it is turned upright; largest: the largest value of a
    16-bit grey image, else 0; is_turned: by its EXIF orientation; is_transparent: in some pixel;
    has_deep_colour: 16 bits in each channel of a colour image.
    """

    size: tuple[int, int]
    is_grey: bool
    largest: int = 0
    is_turned: bool = False
    is_transparent: bool = False
    has_deep_colour: bool = False


def is_image(file: str) -> bool:
    """Whether the file name has the suffix of an image that is read."""
    return file.lower().endswith(IMAGE_SUFFIXES)


def decode_image(tree: FileTree, file: str, *, bits: int = 16) -> Image.Image:
    """Decode an image to 8 bits: mode L if it is grey, else RGB.

    It is turned upright by its EXIF orientation, and laid over black where it is transparent.
    bits: how many of a 16-bit grey image hold its values: they are divided by 2**(bits - 8).
    Of 16-bit colours the upper 8 bits are read. Raises `UserError`, which names the file, if it is
    damaged, has more than one frame, more than 2**26 pixels, or pixels of another type.
    """
    with opened_image(tree.read(file), tree.title(file)) as image:
        return eight_bit_image(image, bits)


def image_header(tree: FileTree, file: str) -> ImageHeader:
    """The header of an image. Raises as `decode_image` does.

    Its pixels are decoded only where a header does not tell enough: of 16-bit grey images, and of
    those with a channel for transparency.
    """
    with opened_image(tree.read(file), tree.title(file)) as image:
        return header_of(image)


def eight_bit_image(image: Image.Image, bits: int = 16) -> Image.Image:
    """What `decode_image` makes of an opened image. Raises `ValueError` for pixels of its own."""
    upright = _upright(image)
    if upright.mode in DEEP:
        return Image.fromarray(_eight_bits(_deep_values(upright), bits))
    if upright.mode == "F":
        raise ValueError("its pixels have mode F, not 8 or 16 bits")
    mode = "L" if upright.mode in GREY else "RGB"
    return _on_ground(upright).convert(mode)


def header_of(image: Image.Image) -> ImageHeader:
    """The header of an opened image, of which nothing was decoded yet."""
    # before the pixels are decoded, which takes the tiles away
    has_deep_colour = image.mode not in GREY and ";16" in str(getattr(image, "tile", ""))
    width, height = image.size
    orientation = _orientation(image)
    # Pillow turns a TIFF itself
    if orientation > 4 and image.format != "TIFF":
        width, height = image.size[::-1]
    return ImageHeader(
        size=(width, height),
        is_grey=image.mode in GREY,
        largest=int(_deep_values(image).max()) if image.mode in DEEP else 0,
        is_turned=orientation != UPRIGHT,
        is_transparent=_is_transparent(image),
        has_deep_colour=has_deep_colour,
    )


@contextlib.contextmanager
def opened_image(content: bytes, title: str) -> Iterator[Image.Image]:
    """The image with this content. title: what messages call it.

    Raises `UserError` if it is damaged, or if the body fails.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            _check(image)
            if image.format == "PNG" and b"eXIf" in content:
                image.load()  # the chunk may lie behind the pixels
            yield image
    except UnidentifiedImageError:
        raise UserError(
            f"{title} is not a whole image (its content is of no known format); "
            "replace or remove it"
        ) from None
    except Exception as error:  # a decoder may fail in any way on a damaged file
        raise UserError(f"{title} is not a whole image ({error}); replace or remove it") from None


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


def _orientation(image: Image.Image) -> int:
    """1 (upright) to 8, as EXIF has it."""
    if image.format == "PNG" and not EXIF_OF_PNG.intersection(image.info):
        return UPRIGHT  # without decoding the pixels, which Pillow does to look behind them
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    except Exception:
        return UPRIGHT
    return orientation if orientation in range(1, 9) else UPRIGHT


def _upright(image: Image.Image) -> Image.Image:
    if _orientation(image) == UPRIGHT:
        return image
    return ImageOps.exif_transpose(image)


def _deep_values(image: Image.Image) -> npt.NDArray[np.uint16]:
    """The values of a 16-bit grey image; raises `ValueError` if there are others."""
    values = np.asarray(image)
    smallest = int(values.min())
    largest = int(values.max())
    if smallest < 0 or largest > LARGEST_DEEP:
        raise ValueError(f"its pixels have values from {smallest} to {largest}, not 8 or 16 bits")
    return values.astype(np.uint16)


def _eight_bits(values: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint8]:
    shifted = values >> (bits - 8)
    limited = np.minimum(shifted, OPAQUE)
    return np.asarray(limited, dtype=np.uint8)


def _is_transparent(image: Image.Image) -> bool:
    """Whether some pixel is."""
    if not image.has_transparency_data or image.mode in DEEP:
        return False
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    return bool(alpha.min() < OPAQUE)


def _on_ground(image: Image.Image) -> Image.Image:
    """The image laid over black, if some pixel is transparent."""
    if not _is_transparent(image):
        return image
    ground = Image.new("RGBA", image.size, GROUND)
    ground.alpha_composite(image.convert("RGBA"))
    return ground
