"""Decoded data sets, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.files import DAMAGED, write_atomically
from fewshot_bench.seeds import digest

__all__ = ["cached"]

CACHE_VERSION = 2


def cache_folder() -> Path:
    """Where decoded data sets are kept: $FEWSHOT_BENCH_CACHE, or the user's cache folder."""
    return Path(
        os.environ.get("FEWSHOT_BENCH_CACHE") or platformdirs.user_cache_dir("fewshot-bench")
    )


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
