"""MixedWM38: wafer maps of 52 x 52 dies with no, one or several kinds of defect, 38 classes."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.cache import cached
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.tree import Tree
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.published import ALL_CLASSES, Published

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.integer[Any]]

PATTERNS = (
    "C",
    "D",
    "EL",
    "ER",
    "L",
    "NF",
    "S",
    "R",
)  # the columns of the labels: Center, Donut, Edge-Loc, Edge-Ring, ...
CLASSES = (  # in the order of Table V of Phuong, Duc Tin and Hong Trang (2024)
    "Normal", *("C", "D", "EL", "ER", "L", "NF", "S", "R"),
    *("C+EL", "C+ER", "C+L", "C+S", "D+EL", "D+ER", "D+L", "D+S", "EL+L", "EL+S", "ER+L", "ER+S", "L+S"),
    *("C+EL+L", "C+EL+S", "C+ER+L", "C+ER+S", "C+L+S", "D+EL+L", "D+EL+S", "D+ER+L", "D+ER+S", "D+L+S"),
    *("EL+L+S", "ER+L+S", "C+L+EL+S", "C+L+ER+S", "D+L+EL+S", "D+L+ER+S"),
)  # fmt: skip
SINGLE, MIXED = CLASSES[:9], CLASSES[9:]
GROUPS = (  # as the paper's averages: the normal map counts to those of one defect
    ("1 defect or none", SINGLE),
    *(
        (f"{number} defects", tuple(name for name in MIXED if len(name.split("+")) == number))
        for number in (2, 3, 4)
    ),
)
SIDE, STATES, STRAY = (
    52,
    3,
    3,
)  # dies a side; no die, good, failed; a value that the published file holds here and there
MAPS = 38_015
MOST_MAPS = 200_000
BLOCK = 1024  # maps converted at once: 11 MB of int32

# Table V of Phuong, Duc Tin and Hong Trang (2024), %, in the order of CLASSES; then 1 to 4 defects, then all, as printed.
TABLE_V = {
    "DC-Net": (
        99.7, 97.8, 96.5, 94.4, 99.8, 93.8, 95.8, 93.4, 100, 99.2, 97.9, 98.5, 96.7, 99.3, 96.1, 98.3, 92.8,
        93.9, 92.3, 94.6, 90.7, 90.3, 88.9, 89.4, 91.4, 92.5, 90.5, 88.3, 90.5, 92.3, 91.5, 88.3, 86.2, 89, 87,
        90.6, 86.4, 88.2, 96.8, 95.43, 89.9, 88.05, 93.2,
    ),
    "WSCN": (
        100, 100, 100, 97, 99, 99, 100, 99, 98, 98, 100, 99, 99, 94, 99, 95, 100, 99, 97, 96, 100, 97, 97, 99,
        97, 100, 97, 97, 96, 100, 98, 97, 96, 97, 94, 97, 95, 95, 99, 97.92, 97.58, 95.25, 98.2,
    ),
    "SCL+AMP as published": (
        100, 100, 99, 99, 100, 100, 96.6, 99, 96.1, 98, 100, 100, 100, 98, 99.5, 97.5, 99, 99, 96.5, 98, 99,
        98.5, 99, 97.8, 99, 99.5, 98, 98.5, 94, 99, 99, 97.5, 96, 95, 93.5, 98, 96.5, 99.5, 98.86, 98.69, 97.69,
        96.88, 98.22,
    ),
}  # fmt: skip
TABLE_V_DIFFERS = {
    "DC-Net": "cited as [18] in Table V of Phuong et al. (2024)",
    "WSCN": "cited as [27] in Table V of Phuong et al. (2024); its average of 1 defect leaves the normal map out, and its "
    "printed average of all is not the mean of its column, 97.82",
    "SCL+AMP as published": "Table V of Phuong et al. (2024): ResNet-50, 100 epochs; initial weights not stated",
}


def _table_v(system: str) -> tuple[Published, ...]:
    groups = [*CLASSES, *(name for name, _ in GROUPS), ALL_CLASSES]
    rows = zip(groups, TABLE_V[system], strict=True)
    return tuple(
        Published("mixedwm38-classify", "0.8", share / 100, TABLE_V_DIFFERS[system], row)
        for row, share in rows
    )


class MixedWM38(DataSet):
    """Wafer maps: each die state is a channel of its own, 0 or 255.

    A pixel between two dies is then a share of each state; with one grey channel half-way between no die and failed would
    be a good die.
    """

    card = DataCard(
        title="MixedWM38 wafer maps",
        source="Wang et al.: Deformable Convolutional Networks for Efficient Mixed-Type Wafer Defect Pattern Recognition "
        "(IEEE Transactions on Semiconductor Manufacturing)",
        year=2020,
        found_as=(
            "Wafer_Map_Datasets.npz",
            "MixedWM38.npz",
            "MixedWM38.zip",
            "MixedWM38-subset.npz",
        ),
        get_it="download Wafer_Map_Datasets.npz (MixedWM38) from its authors and name it, or a zip of it, with --data",
        published={system: _table_v(system) for system in TABLE_V},
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
        """All maps, (M, 3, 52, 52); `UserError` where the file does not hold what the published one does."""
        if path is None:
            raise UserError(
                f"mixedwm38 needs its data: {self.card.get_it}, or put it into the folder $FEWSHOT_BENCH_DATA"
            )
        with Tree(path) as tree:
            return cached(["mixedwm38", tree.content()], lambda: _load(tree))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether these are the arrays of the published file, or that file itself."""
        return {"arr_0.npy", "arr_1.npy"} <= set(files) or any(
            file.endswith("Wafer_Map_Datasets.npz") for file in files
        )


def _load(tree: Tree) -> LabelledImages:
    with _archive(tree) as archive:
        labels = _labels(
            tree, np.concatenate(list(_rows(tree, archive, "arr_1.npy", (len(PATTERNS),))))
        )
        images = np.empty((len(labels), STATES, SIDE, SIDE), dtype=np.uint8)
        at = strays = 0
        for block in _rows(tree, archive, "arr_0.npy", (SIDE, SIDE)):
            if at + len(block) > len(labels):
                raise UserError(
                    f"{tree.path} holds more maps than its {len(labels)} labels; download it again"
                )
            if block.min() < 0 or block.max() > STRAY:
                wrong = int(block.min() if block.min() < 0 else block.max())
                raise UserError(
                    f"{tree.path} holds a die of state {wrong} (allowed: 0 to {STRAY}); download it again"
                )
            strays += int((block == STRAY).sum())
            images[at : at + len(block)] = die_states(block)
            at += len(block)
    if at < len(labels):
        raise UserError(
            f"{tree.path} holds {at} maps for its {len(labels)} labels; download it again"
        )
    return wafer_maps(
        "mixedwm38" if at == MAPS else "mixedwm38-subset", images, labels, _notes(at, strays)
    )


def _notes(maps: int, strays: int) -> list[str]:
    notes = []
    if maps != MAPS:
        notes.append(
            f"MixedWM38 subset: {maps:,} of {MAPS:,} maps, whose results are not comparable with published ones"
        )
    if strays:
        notes.append(f"{strays:,} dies of the undocumented state {STRAY} were read as failed dies")
    return notes


def die_states(maps_MHW: Ints) -> Bytes:
    """(M, 3, H, W) of 0 and 255: no die, good die, failed die; a stray value above 2 counts as failed."""
    states = np.minimum(maps_MHW, STATES - 1)[:, None]
    return np.asarray((states == np.arange(STATES)[:, None, None]) * np.uint8(255), dtype=np.uint8)


def wafer_maps(
    name: str, images: Bytes, labels: Sequence[int], notes: Sequence[str]
) -> LabelledImages:
    """The data set of maps (M, 3, 52, 52) with labels in `CLASSES`, of which those without a map are left out."""
    present = sorted(set(labels))
    return group_by_class(
        name,
        images,
        [present.index(label) for label in labels],
        [CLASSES[label] for label in present],
        [f"map {number}" for number in range(len(labels))],
        notes=notes,
    )


@contextmanager
def _archive(tree: Tree) -> Iterator[zipfile.ZipFile]:
    """The npz: the file itself, or the only one in a folder or a zip."""
    if {"arr_0.npy", "arr_1.npy"} & set(tree.files):
        with zipfile.ZipFile(tree.path) as archive:
            yield archive
        return
    found = [file for file in tree.files if file.endswith(".npz")]
    if len(found) != 1:
        raise UserError(
            f"{tree.path} holds {len(found)} files .npz (expected one, with arr_0 and arr_1); name the file"
        )
    with tree.open(found[0]) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except DAMAGED as error:
            raise UserError(
                f"{tree.path}: {found[0]} is no whole npz ({error}); download it again"
            ) from None
        with archive:
            yield archive


def _rows(
    tree: Tree, archive: zipfile.ZipFile, member: str, shape: tuple[int, ...]
) -> Iterator[Ints]:
    """The rows of an array of whole numbers, (M, *shape), some at a time; nothing is unpickled."""
    try:
        with archive.open(member) as stream:
            count, kind = _header(stream, shape)
            for at in range(0, count, BLOCK):
                rows = min(BLOCK, count - at)
                content = stream.read(rows * prod(shape) * kind.itemsize)
                yield np.frombuffer(content, dtype=kind).reshape(rows, *shape)
    except KeyError:
        raise UserError(
            f"{tree.path} has no array {member.removesuffix('.npy')}; download it again"
        ) from None
    except DAMAGED as error:
        raise UserError(
            f"{tree.path}: {member} cannot be read ({error}); download it again"
        ) from None


def _header(stream: IO[bytes], shape: tuple[int, ...]) -> tuple[int, np.dtype[Any]]:
    """(number of rows, type); raises `ValueError` for another shape or type."""
    version = np.lib.format.read_magic(stream)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    found, by_columns, kind = read(stream)
    wanted = f"whole numbers of shape (M, {', '.join(map(str, shape))}), M at most {MOST_MAPS}"
    if kind.hasobject or kind.kind not in "iub":
        raise ValueError(f"it holds {kind}, expected {wanted}")
    if found[1:] != shape or by_columns or not 0 < found[0] <= MOST_MAPS:
        raise ValueError(f"its shape is {found}, expected {wanted}")
    return found[0], kind


def _labels(tree: Tree, columns_MP: Ints) -> list[int]:
    """Positions in `CLASSES` of multi-hot labels (M, 8)."""
    known = {frozenset(name.split("+")) - {"Normal"}: label for label, name in enumerate(CLASSES)}
    labels: list[int] = []
    for row in columns_MP.tolist():
        patterns = frozenset(name for name, given in zip(PATTERNS, row, strict=True) if given)
        if patterns not in known or not set(row) <= {0, 1}:
            raise UserError(
                f"{tree.path}: map {len(labels)} has the label {row}, none of the 38 combinations of 0 and 1 (columns "
                f"{', '.join(PATTERNS)}); download it again"
            )
        labels.append(known[patterns])
    return labels
