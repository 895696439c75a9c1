"""The only decoder of image files, and the keeper of the decoded cache."""

from __future__ import annotations

import contextlib
import io
import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from PIL import Image

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED, Tree, write_atomically
from fewshot_bench.labelled import LabelledImages
from fewshot_bench.seeds import digest

__all__ = ["SUFFIXES", "cached", "decode", "is_image", "peek"]

SUFFIXES = (".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
GREY = ("1", "L", *SIXTEEN_BITS)
MOST_PIXELS = 2**26  # of one image: 8,192 x 8,192
CACHE_VERSION = 2


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
                raise ValueError(f"it has {image.width} x {image.height} pixels, allowed are {MOST_PIXELS:,}")
            if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a photograph and its preview
                raise ValueError(f"it has {image.n_frames} frames; keep the one that is meant")  # type: ignore[attr-defined]
            yield image
    except Exception as error:  # a decoder may stumble over a damaged file in any way
        raise UserError(f"{tree.path}: {file} is not a whole image ({error}); replace or remove it") from None


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in SIXTEEN_BITS:
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"its pixels have mode {image.mode}, not 8 or 16 bits")
    return image.convert("L" if image.mode in GREY else "RGB")


def cache_folder() -> Path:
    """Where decoded data sets are kept: $FEWSHOT_BENCH_CACHE, or the user's cache folder."""
    return Path(os.environ.get("FEWSHOT_BENCH_CACHE") or platformdirs.user_cache_dir("fewshot-bench"))


def cached(parts: Sequence[object], build: Callable[[], LabelledImages]) -> LabelledImages:
    """`build()`, or what it gave when it was last called for the same `parts` (a content digest, settings).

    A cache that cannot be read or written costs time, never a result: it is built anew.
    """
    path = cache_folder() / f"{digest(CACHE_VERSION, *parts)[:32]}.npz"
    try:
        return _read_cache(path)
    except DAMAGED:
        pass
    data = build()
    with contextlib.suppress(OSError):
        write_atomically(_pixels_of(path), lambda file: np.save(file, data.images))
        write_atomically(path, lambda file: _write_cache(file, data))
    return data


def _pixels_of(path: Path) -> Path:
    """The pixels lie apart, so that they are mapped and not read: a run that has nothing left to do looks at none."""
    return path.with_suffix(".npy")


_WORDS = ("name", "class_names", "files", "digest", "dropped", "notes", "abbreviations")


def _write_cache(file: io.BufferedWriter, data: LabelledImages) -> None:
    words = {name: getattr(data, name) for name in _WORDS}
    words["abbreviations"] = dict(data.abbreviations)
    arrays: dict[str, Any] = {"labels": data.labels}
    if data.boxes is not None:
        arrays["boxes"] = np.concatenate([np.zeros((0, 4), dtype=np.int64), *data.boxes])
        arrays["box_counts"] = np.array([len(boxes) for boxes in data.boxes])
    np.savez(file, words=np.frombuffer(json.dumps(words).encode(), dtype=np.uint8), **arrays)


def _read_cache(path: Path) -> LabelledImages:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        words = json.loads(stored["words"].tobytes())
        boxes = None
        if "boxes" in stored:
            boxes = tuple(np.split(stored["boxes"], np.cumsum(stored["box_counts"])[:-1]))
        return LabelledImages(
            images=np.load(_pixels_of(path), mmap_mode="r", allow_pickle=False),
            labels=stored["labels"],
            boxes=boxes,
            name=words["name"],
            digest=words["digest"],
            class_names=tuple(words["class_names"]),
            files=tuple(words["files"]),
            dropped=tuple((file, earlier) for file, earlier in words["dropped"]),
            notes=tuple(words["notes"]),
            abbreviations=words["abbreviations"],
        )
