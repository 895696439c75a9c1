"""Many image files as one array of squares, and what was changed to make them so."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.decoders import Decoders
from fewshot_bench.data.decoding import Decoded, Encoded, Form
from fewshot_bench.data.images import ImageHeader, image_header
from fewshot_bench.data.pixels import PIECE, blank_pixels, forget
from fewshot_bench.data.reading import told
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
GUESSED_BY = 16  # images whose headers tell what all images probably become
CHECKED = Form(side=8, mode="L", bits=16, fit="squash")  # where the pixels do not matter


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
    with Decoders() as decoders:
        reader = _Reader(tree, files, decoders)
        guess = _guess(tree, files, side, fit)
        reader.read(guess)
        if reader.damaged:  # others may have a whole header and no whole picture
            reader.check()
        _refuse(reader.damaged)
        headers = reader.headers
        form = _form(headers, side, fit)
        if reader.pixels is None or guess is None or not _is_same(guess, form):
            _check_memory(tree, _shape(len(files), form))
            reader.read(form)
            _refuse(reader.damaged)
    assert reader.pixels is not None
    sizes = tuple(header.size for header in headers)
    notes = tuple(_notes(headers, form.side, fit, form.bits))
    return ImageSet(reader.pixels, notes, sizes)


class _Reader:
    """Reads all files in one or more rounds.

    headers: of the files that have one; pixels: (M, C, S, S), or None; damaged: the messages of
    files that cannot be read, first those whose headers cannot.
    """

    def __init__(self, tree: FileTree, files: Sequence[str], decoders: Decoders) -> None:
        self.tree = tree
        self.files = files
        self.decoders = decoders
        self.headers: list[ImageHeader] = []
        self.pixels: npt.NDArray[np.uint8] | None = None
        self.damaged: dict[str, str] = {}
        self.undecoded: list[str] = []
        self._form: Form | None = None

    def read(self, form: Form | None) -> None:
        """Read the headers, and the pixels as far as `form` is right; None: no pixels."""
        self._form = form
        self.pixels = None if form is None else blank_pixels(_shape(len(self.files), form))
        headers = []
        self.undecoded = []
        pixels_damaged = {}
        unflushed = 0
        for index, (file, image) in enumerate(self._decoded(self.files)):
            if image.header is None:
                self.damaged[file] = image.damage
                continue
            headers.append(image.header)
            if image.damage:
                pixels_damaged[file] = image.damage
            elif image.pixels is None:
                self.undecoded.append(file)
                self._form = None
                self.pixels = None
            elif self.pixels is not None:
                self.pixels[index] = image.pixels
                unflushed += image.pixels.nbytes
                if unflushed > PIECE:
                    forget(self.pixels)
                    unflushed = 0
        self.headers = headers
        self.damaged |= pixels_damaged

    def check(self) -> None:
        """Decode what was not decoded, to see what else is damaged."""
        self._form = CHECKED
        for file, image in self._decoded(self.undecoded):
            if image.damage:
                self.damaged[file] = image.damage

    def _decoded(self, files: Sequence[str]) -> Iterator[tuple[str, Decoded]]:
        """Each file, and what it is."""
        unread: dict[str, str] = {}
        images = self.decoders.decode(self._encoded(files, unread), len(files))
        for file in told(files, "decoding", len(files)):
            image = next(images)
            yield file, Decoded(None, damage=unread[file]) if file in unread else image

    def _encoded(self, files: Sequence[str], unread: dict[str, str]) -> Iterator[Encoded]:
        """The contents of the files. unread: gets the messages of those that cannot be read."""
        for file in files:
            content = b""
            try:
                content = self.tree.read(file)
            except UserError as error:
                unread[file] = str(error)
            yield Encoded(self.tree.title(file), content, self._form)


def _guess(tree: FileTree, files: Sequence[str], side: int, fit: str) -> Form | None:
    """The form that a few of the images have; None if they come to none."""
    headers = []
    count = min(GUESSED_BY, len(files))
    for position in range(count):
        with contextlib.suppress(UserError):  # told when all are read
            headers.append(image_header(tree, files[position * len(files) // count]))
    if not headers or not (side or _are_equal_squares(headers)):
        return None
    form = _form(headers, side, fit)
    if (
        any(header.largest for header in headers)
        or math.prod(_shape(len(files), form)) > MOST_BYTES
    ):
        return None
    return dataclasses.replace(form, is_guess=True, any_size=side != 0)


def _form(headers: Sequence[ImageHeader], side: int, fit: str) -> Form:
    """What images with these headers become."""
    mode = "L" if all(header.is_grey for header in headers) else "RGB"
    return Form(side or _common_side(headers), mode, _depth(headers), fit)


def _is_same(guess: Form, form: Form) -> bool:
    return (guess.side, guess.mode, guess.bits) == (form.side, form.mode, form.bits)


def _shape(count: int, form: Form) -> tuple[int, int, int, int]:
    channels = 1 if form.mode == "L" else 3
    return (count, channels, form.side, form.side)


def _refuse(damaged: Mapping[str, str]) -> None:
    """Raise `UserError` for images that cannot be read: the first, and which others."""
    if not damaged:
        return
    first, *others = damaged
    message = damaged[first]
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
            f"{tree.path}: {shape[0]} images of {shape[2]} x {shape[3]} pixels take "
            f"{size / gibibyte:.1f} GiB of memory (allowed: {MOST_BYTES / gibibyte:.0f}); resize "
            "them with --set folder.side=PIXELS"
        )


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
