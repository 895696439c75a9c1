"""A cache of decoded data sets on disk."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.cache_files import (
    Entry,
    cache_folder,
    entries,
    hold,
    size_bound,
    size_text,
    storing,
    tell_once,
    touch,
)
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.pixels import pieces
from fewshot_bench.data.reading import told
from fewshot_bench.files import DAMAGED, write_atomically
from fewshot_bench.seeds import digest

__all__ = ["Content", "cached_arrays", "cached_images", "contents"]

CACHE_VERSION = 4
TEXT_FIELDS = (
    "name",
    "class_names",
    "files",
    "digest",
    "dropped",
    "contradictions",
    "notes",
    "abbreviations",
    "group_by",
    "defects",
    "composition",
    "mask_channel",
)


@dataclass(frozen=True)
class Content:
    """What an entry of the cache holds.

    dataset: the name of the data set, empty if it is not known; images, classes: their numbers, or
    None if it holds no images.
    """

    entry: Entry
    dataset: str = ""
    images: int | None = None
    classes: int | None = None


def cached_images(
    key_parts: Sequence[object], build: Callable[[], LabelledImages]
) -> LabelledImages:
    """The result of `build()`, read from the cache if it was stored there for the same key.

    key_parts: JSON-serialisable values that the result depends on, such as the digest of the files
    and the settings.
    A cache that cannot be read or written is no error: the images are then built again. What was
    used least recently is dropped where the cache grows beyond its bound.
    """
    bound = size_bound()
    path = cache_folder() / f"{digest(CACHE_VERSION, *key_parts)[:32]}.npz"
    try:
        data = _read(path)
    except DAMAGED:
        data = build()
    else:
        hold(_pixels_path(path), data.images)
        return data
    if data.images.nbytes > bound:
        tell_once(
            f"{data.name} takes {size_text(data.images.nbytes)} and is not kept in the cache, "
            f"which may take {size_text(bound)} ($FEWSHOT_BENCH_CACHE_SIZE), so each command reads "
            "all its pictures again"
        )
        return data
    with storing():
        _write(path, data)
        # what is mapped needs no memory
        data = dataclasses.replace(data, images=_mapped_pixels(path))
        hold(_pixels_path(path), data.images)
    return data


def cached_arrays(
    key_parts: Sequence[object], build: Callable[[], dict[str, npt.NDArray[Any]]]
) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `build()` gives, by name; read from the cache as `cached_images` does."""
    path = cache_folder() / f"{digest(CACHE_VERSION, *key_parts)[:32]}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except DAMAGED:
        arrays = build()
        with storing():
            write_atomically(path, lambda file: np.savez(file, allow_pickle=False, **arrays))
    else:
        touch(path)
    return arrays


def contents() -> list[Content]:
    """What the cache holds; what was used least recently first."""
    all_texts = {}
    names = {}
    for entry in entries():
        texts = {} if entry.is_features else _texts_of(entry)
        all_texts[entry] = texts
        if texts:
            names[texts["digest"][:16]] = texts["name"]
    found = []
    for entry, texts in all_texts.items():
        if texts:
            counts = (len(texts["files"]), len(texts["class_names"]))
            found.append(Content(entry, texts["name"], *counts))
        else:
            # the name of a file of features ends with the digest of the images
            _, _, images = entry.paths[0].stem.rpartition("-")
            found.append(Content(entry, names.get(images, "")))
    return found


def _texts_of(entry: Entry) -> dict[str, Any]:
    """The texts of cached images; empty if they cannot be read."""
    try:
        with np.load(entry.paths[-1], allow_pickle=False) as arrays:
            return dict(json.loads(arrays["words"].tobytes()))
    except DAMAGED:
        return {}


def _pixels_path(path: Path) -> Path:
    """The file of the pixels. It is mapped, so that a run that needs no image reads none."""
    return path.with_suffix(".npy")


def _mapped_pixels(path: Path) -> npt.NDArray[np.uint8]:
    mapped: npt.NDArray[np.uint8] = np.load(_pixels_path(path), mmap_mode="r", allow_pickle=False)
    return mapped


def _write(path: Path, data: LabelledImages) -> None:
    def write_pixels(file: io.BufferedWriter) -> None:
        descr = np.lib.format.dtype_to_descr(data.images.dtype)
        header = {"descr": descr, "fortran_order": False, "shape": data.images.shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in told(pieces(data.images), "storing"):
            file.write(np.ascontiguousarray(part).data)

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
        pixels = _mapped_pixels(path)
        dropped = [tuple(pair) for pair in texts["dropped"]]  # JSON has lists only
        contradictions = []
        for copies in texts["contradictions"]:
            contradictions.append(tuple((file, class_name) for file, class_name in copies))
        return LabelledImages(
            images=pixels,
            labels=arrays["labels"],
            boxes=_boxes(arrays),
            name=texts["name"],
            digest=texts["digest"],
            class_names=tuple(texts["class_names"]),
            files=tuple(texts["files"]),
            dropped=tuple(dropped),
            contradictions=tuple(contradictions),
            notes=tuple(texts["notes"]),
            abbreviations=texts["abbreviations"],
            groups=arrays.get("groups"),
            group_by=texts["group_by"],
            defects=tuple(texts["defects"]),
            composition=tuple(map(tuple, texts["composition"])),
            mask_channel=texts["mask_channel"],
        )


def _boxes(arrays: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """The boxes of each image, or None if the data set has none."""
    if "boxes" not in arrays:
        return None
    ends = np.cumsum(arrays["box_counts"])
    return tuple(np.split(arrays["boxes"], ends[:-1]))
