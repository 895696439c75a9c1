"""Arrays of pixels that may be larger than the memory: they lie in a file without a name, mapped.

M: images.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.cache_files import cache_folder, size_text, tell_once

__all__ = ["PIECE", "blank", "blank_pixels", "forget", "pieces", "pixels_at"]

MOST_IN_MEMORY = 2**28  # bytes of one array
PIECE = 2**25  # bytes that are worked on at once

Pixels = npt.NDArray[np.uint8]
Scalar = TypeVar("Scalar", bound=np.generic)


def blank_pixels(shape: Sequence[int]) -> Pixels:
    """A uint8 array to be filled, see `blank`."""
    return blank(shape, np.uint8)


def blank(shape: Sequence[int], dtype: type[Scalar]) -> npt.NDArray[Scalar]:
    """An array to be filled. One of more than 256 MiB is mapped from a file in the cache.

    The file has no name and goes with the array. Where there is no room for it, one line tells
    that the array is in memory.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= MOST_IN_MEMORY:
        return np.empty(shape, dtype=dtype)
    try:
        return _mapped(shape, dtype, size)
    except OSError as error:
        tell_once(
            f"the cache {cache_folder()} has no room for pictures of {size_text(size)} while they "
            f"are read ({error.strerror}), so they take memory"
        )
        return np.empty(shape, dtype=dtype)


def _mapped(shape: Sequence[int], dtype: type[Scalar], size: int) -> npt.NDArray[Scalar]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)  # a full disk ends a process that maps it
        else:
            file.truncate(size)
        return np.memmap(file, dtype=dtype, mode="r+", shape=tuple(shape))


def pixels_at(images: Pixels, indices: Sequence[int] | npt.NDArray[np.integer]) -> Pixels:
    """The images (M, ...) at these indices, in a new array as `blank_pixels` makes it."""
    shape = (len(indices), *images.shape[1:])
    if math.prod(shape) <= MOST_IN_MEMORY:
        return images[indices]
    chosen = blank_pixels(shape)
    rows = _rows_of_piece(images)
    for start in range(0, len(indices), rows):
        part = indices[start : start + rows]
        chosen[start : start + rows] = images[part]
        forget(images)
        forget(chosen)
    return chosen


def pieces(images: Pixels) -> Iterator[Pixels]:
    """The images (M, ...) in parts of about 32 MiB; of mapped ones, one part is in memory."""
    rows = _rows_of_piece(images)
    for start in range(0, len(images), rows):
        yield images[start : start + rows]
        forget(images)


def forget(images: npt.NDArray[Any]) -> None:
    """Give back the memory of mapped pixels. They stay in their file."""
    owner: object = images
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def _rows_of_piece(images: Pixels) -> int:
    size = math.prod(images.shape[1:])
    return max(1, PIECE // max(1, size))
