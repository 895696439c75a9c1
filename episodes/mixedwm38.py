"""MixedWM38: wafer maps of 52 x 52 dies with no, one or several kinds of defect, in 38 classes."""

from __future__ import annotations

import dataclasses
import itertools
import math
import zipfile
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from fewshot_bench import (
    ALL_CLASSES,
    Classification,
    DataCard,
    DataSet,
    FewShot,
    FileTree,
    LabelledImages,
    Published,
    UserError,
    cached_images,
    group_by_class,
)

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.integer[Any]]
Opener = Callable[[str], IO[bytes]]  # opens one of the arrays as a stream

# The columns of the labels: center, donut, edge-loc, edge-ring, loc, near-full, scratch, random.
PATTERNS = ("C", "D", "EL", "ER", "L", "NF", "S", "R")
NORMAL = "Normal"
SINGLE = (NORMAL, *PATTERNS)
TWO_DEFECTS = (
    "C+EL",
    "C+ER",
    "C+L",
    "C+S",
    "D+EL",
    "D+ER",
    "D+L",
    "D+S",
    "EL+L",
    "EL+S",
    "ER+L",
    "ER+S",
    "L+S",
)
THREE_DEFECTS = (
    "C+EL+L",
    "C+EL+S",
    "C+ER+L",
    "C+ER+S",
    "C+L+S",
    "D+EL+L",
    "D+EL+S",
    "D+ER+L",
    "D+ER+S",
    "D+L+S",
    "EL+L+S",
    "ER+L+S",
)
FOUR_DEFECTS = ("C+L+EL+S", "C+L+ER+S", "D+L+EL+S", "D+L+ER+S")
MIXED = (*TWO_DEFECTS, *THREE_DEFECTS, *FOUR_DEFECTS)
CLASSES = (*SINGLE, *MIXED)
# the groups of the averages in Table V, which counts the normal map among those of one defect
GROUPS = (
    ("1 defect or none", SINGLE),
    ("2 defects", TWO_DEFECTS),
    ("3 defects", THREE_DEFECTS),
    ("4 defects", FOUR_DEFECTS),
)

SIDE = 52  # dies
STATES = 3  # no die, good die, failed die
FAILED = 2
STRAY = 3  # an undocumented state that a few dies of the published file have
MAPS = 38_015
MOST_MAPS = 200_000
BLOCK = 1024  # maps converted at once: 11 MB of int32
MAPS_FILE = "arr_0.npy"
LABELS_FILE = "arr_1.npy"

# whose recalls Table V of Phuong, Duc Tin and Hong Trang (2024) prints
PRINTED = (*CLASSES, *(name for name, _ in GROUPS), ALL_CLASSES)


def table_v(differs: str, percents: Sequence[float]) -> tuple[Published, ...]:
    """A column of Table V, in the order of `PRINTED`. differs: how its figures were measured."""
    figures = {}
    for name, percent in zip(PRINTED, percents, strict=True):
        figures[name] = percent / 100
    return Published.recalls("mixedwm38-classify", "0.8", differs, figures)


class MixedWM38(DataSet):
    """Wafer maps. Each state of a die is a channel of its own, 0 or 255.

    So a pixel between two dies, after resizing, holds a share of each state. With one grey channel,
    the middle between no die and a failed die would be a good die.
    """

    card = DataCard(
        title="MixedWM38 wafer maps",
        source="Wang et al.: Deformable Convolutional Networks for Efficient Mixed-Type Wafer "
        "Defect Pattern Recognition (IEEE Transactions on Semiconductor Manufacturing)",
        year=2020,
        found_as=(
            "Wafer_Map_Datasets.npz",
            "MixedWM38.npz",
            "MixedWM38.zip",
            "MixedWM38-subset.npz",
        ),
        get_it="download Wafer_Map_Datasets.npz (MixedWM38) from its authors and name it, or a zip "
        "of it, with --data",
    )
    protocols = (
        FewShot(
            name="mixedwm38-heldout",
            dataset="mixedwm38",
            train_classes=SINGLE,
            test_classes=MIXED,
            ways=len(MIXED),
        ),
        Classification(
            name="mixedwm38-classify", dataset="mixedwm38", train_sizes=(0.8,), groups=GROUPS
        ),
        Classification(
            name="mixedwm38-small",
            dataset="mixedwm38",
            train_sizes=(20, 50, 100),
            test_images=0.2,
            groups=GROUPS,
        ),
    )

    def load(self, path: Path | None) -> LabelledImages:
        """All maps, (M, 3, 52, 52). Raises `UserError` if the file differs from the published."""
        if path is None:
            raise UserError(
                f"mixedwm38 needs its data: {self.card.get_it}, or put it into the folder "
                "$FEWSHOT_BENCH_DATA"
            )
        with FileTree(path) as tree:
            return cached_images(["mixedwm38", tree.content_digest()], lambda: _load(tree))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether these are the arrays of the published file, or that file itself."""
        if MAPS_FILE in files and LABELS_FILE in files:
            return True
        return any(file.endswith("Wafer_Map_Datasets.npz") for file in files)


def die_states(maps_MHW: Ints) -> Bytes:
    """(M, 3, H, W) of 0 and 255: no die, good die, failed die. The stray state counts as failed."""
    states_MHW = np.minimum(maps_MHW, STATES - 1)
    channels_311 = np.arange(STATES)[:, None, None]
    is_state = states_MHW[:, None] == channels_311
    return np.asarray(is_state * np.uint8(255), dtype=np.uint8)


def wafer_maps(
    name: str, images: Bytes, labels: Sequence[int], notes: Sequence[str]
) -> LabelledImages:
    """The data set of maps (M, 3, 52, 52) with labels that are indices into `CLASSES`.

    Classes without a map are left out.
    """
    present = sorted(set(labels))
    class_names = [CLASSES[label] for label in present]
    grouped = group_by_class(
        name,
        images,
        [present.index(label) for label in labels],
        class_names,
        [f"map {number}" for number in range(len(labels))],
        notes=notes,
    )
    composition = [() if name == NORMAL else tuple(name.split("+")) for name in class_names]
    return dataclasses.replace(
        grouped, defects=PATTERNS, composition=tuple(composition), mask_channel=FAILED
    )


def _load(tree: FileTree) -> LabelledImages:
    with _arrays(tree) as open_array:
        labels = _read_labels(tree, open_array)
        images, strays = _read_maps(tree, open_array, len(labels))
    name = "mixedwm38"
    notes = list(tree.notes)
    if len(images) != MAPS:
        name = "mixedwm38-subset"
        notes.append(
            f"MixedWM38 subset: {len(images):,} of {MAPS:,} maps, whose results are not comparable "
            "with published ones"
        )
    if strays:
        notes.append(f"{strays:,} dies of the undocumented state {STRAY} were read as failed dies")
    return wafer_maps(name, images, labels, notes)


@contextmanager
def _arrays(tree: FileTree) -> Iterator[Opener]:
    """A function that opens an array of the npz: of `tree` itself, or of the only npz in it."""
    if MAPS_FILE in tree.files or LABELS_FILE in tree.files:
        _check_arrays(tree, tree.files)
        yield tree.open
        return
    files = [file for file in tree.files if file.endswith(".npz")]
    if len(files) != 1:
        raise UserError(
            f"{tree.path} holds {len(files)} files .npz (expected one, with arr_0 and arr_1); name "
            "the file"
        )
    with tree.open(files[0]) as stream:
        with tree.reading(files[0]):
            archive = zipfile.ZipFile(stream)
        with archive:
            _check_arrays(tree, archive.namelist())
            yield archive.open


def _check_arrays(tree: FileTree, files: Container[str]) -> None:
    """Raise `UserError` if an array is missing."""
    for file in (MAPS_FILE, LABELS_FILE):
        if file not in files:
            array = file.removesuffix(".npy")
            raise UserError(f"{tree.path} has no array {array}; download it again")


def _read_labels(tree: FileTree, open_array: Opener) -> list[int]:
    """Indices into `CLASSES`, from multi-hot labels (M, 8)."""
    label_of = {}
    for label, name in enumerate(CLASSES):
        patterns = frozenset(name.split("+")) - {NORMAL}
        label_of[patterns] = label
    blocks = list(_rows(tree, open_array, LABELS_FILE, (len(PATTERNS),)))
    labels: list[int] = []
    for row in np.concatenate(blocks).tolist():
        patterns = frozenset(itertools.compress(PATTERNS, row))
        if patterns not in label_of or not set(row) <= {0, 1}:
            raise UserError(
                f"{tree.path}: map {len(labels)} has the label {row}, none of the 38 combinations "
                f"of 0 and 1 (columns {', '.join(PATTERNS)}); download it again"
            )
        labels.append(label_of[patterns])
    return labels


def _read_maps(tree: FileTree, open_array: Opener, count: int) -> tuple[Bytes, int]:
    """(images (count, 3, 52, 52), number of dies with the stray state)."""
    images = np.empty((count, STATES, SIDE, SIDE), dtype=np.uint8)
    begin = 0
    strays = 0
    for block in _rows(tree, open_array, MAPS_FILE, (SIDE, SIDE)):
        end = begin + len(block)
        if end > count:
            raise UserError(
                f"{tree.path} holds more maps than its {count} labels; download it again"
            )
        _check_states(tree, block)
        strays += int((block == STRAY).sum())
        images[begin:end] = die_states(block)
        begin = end
    if begin < count:
        raise UserError(f"{tree.path} holds {begin} maps for its {count} labels; download it again")
    return images, strays


def _check_states(tree: FileTree, maps: Ints) -> None:
    """Raise `UserError` for a state that does not exist."""
    for state in (int(maps.min()), int(maps.max())):
        if not 0 <= state <= STRAY:
            raise UserError(
                f"{tree.path} holds a die of state {state} (allowed: 0 to {STRAY}); download it "
                "again"
            )


def _rows(tree: FileTree, open_array: Opener, file: str, shape: tuple[int, ...]) -> Iterator[Ints]:
    """The rows of an array of whole numbers, (M, *shape), in blocks. Nothing is unpickled."""
    with tree.reading(file), open_array(file) as stream:
        count, dtype = _header(stream, shape)
        row_size = math.prod(shape) * dtype.itemsize
        for begin in range(0, count, BLOCK):
            rows = min(BLOCK, count - begin)
            content = stream.read(rows * row_size)
            yield np.frombuffer(content, dtype=dtype).reshape(rows, *shape)


def _header(stream: IO[bytes], shape: tuple[int, ...]) -> tuple[int, np.dtype[Any]]:
    """(number of rows, type). Raises `ValueError` for another shape or type."""
    if np.lib.format.read_magic(stream) == (1, 0):
        read_header = np.lib.format.read_array_header_1_0
    else:
        read_header = np.lib.format.read_array_header_2_0
    stored_shape, is_column_major, dtype = read_header(stream)
    axes = ", ".join(map(str, shape))
    expected = f"whole numbers of shape (M, {axes}), M at most {MOST_MAPS}"
    if dtype.kind not in "iub":  # signed, unsigned, truth values; not objects, which are pickles
        raise ValueError(f"it holds {dtype}, expected {expected}")
    rows = stored_shape[0] if stored_shape else 0
    if stored_shape[1:] != shape or is_column_major or not 0 < rows <= MOST_MAPS:
        raise ValueError(f"its shape is {stored_shape}, expected {expected}")
    return rows, dtype
