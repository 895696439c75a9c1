"""A cache of decoded data sets on disk."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.files import DAMAGED, write_atomically
from fewshot_bench.seeds import digest

__all__ = ["cache_folder", "cached_images"]

CACHE_VERSION = 2
TEXT_FIELDS = (
    "name",
    "class_names",
    "files",
    "digest",
    "dropped",
    "notes",
    "abbreviations",
    "group_by",
)


def cached_images(
    key_parts: Sequence[object], build: Callable[[], LabelledImages]
) -> LabelledImages:
    """The result of `build()`, read from the cache if it was stored there for the same key.

    key_parts: JSON-serialisable values that the result depends on, such as the digest of the files
    and the settings.
    A cache that cannot be read or written is no error: the images are then built again.
    """
    path = cache_folder() / f"{digest(CACHE_VERSION, *key_parts)[:32]}.npz"
    try:
        return _read(path)
    except DAMAGED:
        pass
    data = build()
    with contextlib.suppress(OSError):
        _write(path, data)
    return data


def cache_folder() -> Path:
    """$FEWSHOT_BENCH_CACHE, or the user's cache folder."""
    named = os.environ.get("FEWSHOT_BENCH_CACHE")
    return Path(named or platformdirs.user_cache_dir("fewshot-bench"))


def _pixels_path(path: Path) -> Path:
    """The file of the pixels. It is mapped, so that a run that needs no image reads none."""
    return path.with_suffix(".npy")


def _write(path: Path, data: LabelledImages) -> None:
    def write_pixels(file: io.BufferedWriter) -> None:
        np.save(file, data.images)

    def write_rest(file: io.BufferedWriter) -> None:
        np.savez(file, **_arrays(data))

    write_atomically(_pixels_path(path), write_pixels)
    write_atomically(path, write_rest)


def _arrays(data: LabelledImages) -> dict[str, Any]:
    """All but the pixels, as arrays. Text is stored as the bytes of a JSON object."""
    texts = {name: getattr(data, name) for name in TEXT_FIELDS}
    texts["abbreviations"] = dict(data.abbreviations)
    encoded = json.dumps(texts).encode()
    arrays: dict[str, Any] = {
        "words": np.frombuffer(encoded, dtype=np.uint8),
        "labels": data.labels,
    }
    if data.boxes is not None:
        # concatenate needs at least one array
        no_boxes = np.zeros((0, 4), dtype=np.int64)
        arrays["boxes"] = np.concatenate([no_boxes, *data.boxes])
        arrays["box_counts"] = np.array([len(boxes) for boxes in data.boxes])
    if data.groups is not None:
        arrays["groups"] = data.groups
    return arrays


def _read(path: Path) -> LabelledImages:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        texts = json.loads(arrays["words"].tobytes())
        pixels = np.load(_pixels_path(path), mmap_mode="r", allow_pickle=False)
        dropped = [tuple(pair) for pair in texts["dropped"]]  # JSON has lists only
        return LabelledImages(
            images=pixels,
            labels=arrays["labels"],
            boxes=_boxes(arrays),
            name=texts["name"],
            digest=texts["digest"],
            class_names=tuple(texts["class_names"]),
            files=tuple(texts["files"]),
            dropped=tuple(dropped),
            notes=tuple(texts["notes"]),
            abbreviations=texts["abbreviations"],
            groups=arrays.get("groups"),
            group_by=texts["group_by"],
        )


def _boxes(arrays: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The boxes of each image, or None if the data set has none."""
    if "boxes" not in arrays:
        return None
    ends = np.cumsum(arrays["box_counts"])
    return tuple(np.split(arrays["boxes"], ends[:-1]))
