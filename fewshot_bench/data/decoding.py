"""One image file from bytes to the square that it becomes, opened once. S: pixels a side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from fewshot_bench.data.images import ImageHeader, eight_bit_image, header_of, opened_image
from fewshot_bench.errors import UserError

__all__ = ["Decoded", "Encoded", "Form", "decoded"]


@dataclass(frozen=True)
class Form:
    """What every image becomes.

    mode: L or RGB; bits: of 16-bit values; fit: see `read_images`. A guess is made before all
    headers are known: an image that speaks against it is not decoded. any_size: it is not about
    the size.
    """

    side: int
    mode: str
    bits: int
    fit: str
    is_guess: bool = False
    any_size: bool = True

    def fits(self, header: ImageHeader) -> bool:
        """Whether an image with this header is decoded."""
        if not self.is_guess:
            return True
        has_size = self.any_size or header.size == (self.side, self.side)
        has_mode = self.mode == "RGB" or header.is_grey
        return has_size and has_mode and not header.largest


@dataclass(frozen=True)
class Encoded:
    """An image file to decode. title: what messages call it; form: None: its header alone."""

    title: str
    content: bytes
    form: Form | None


@dataclass(frozen=True, eq=False)
class Decoded:
    """header: None if it cannot be read; pixels: (C, S, S), None if they were not decoded or cannot
    be; damage: the message of an image that cannot be read, else empty.
    """

    header: ImageHeader | None
    pixels: npt.NDArray[np.uint8] | None = None
    damage: str = ""


def decoded(encoded: Encoded) -> Decoded:
    """The header and the pixels of an image; damage is no exception here."""
    header = None
    pixels = None
    try:
        with opened_image(encoded.content, encoded.title) as image:
            header = header_of(image)
            if encoded.form is not None and encoded.form.fits(header):
                pixels = _pixels(image, encoded.form)
    except UserError as error:
        return Decoded(header, damage=str(error))
    return Decoded(header, pixels)


def _pixels(image: Image.Image, form: Form) -> npt.NDArray[np.uint8]:
    even = eight_bit_image(image, form.bits).convert(form.mode)
    pixels = np.asarray(_square(even, form.side, form.fit))
    if form.mode == "L":
        return pixels[None]
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _square(image: Image.Image, side: int, fit: str) -> Image.Image:
    size = (side, side)
    if image.size == size:
        return image
    if fit == "pad":
        return ImageOps.pad(image, size, Image.Resampling.BILINEAR, color=0)
    if fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BILINEAR)
    return image.resize(size, Image.Resampling.BILINEAR)
