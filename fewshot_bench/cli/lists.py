"""Lists: what a data set holds, and what checks found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.cli.blocks import Block, Grid, Line
from fewshot_bench.data.labelled import LabelledImages

if TYPE_CHECKING:
    from fewshot_bench.data.near_duplicates import NearDuplicates

__all__ = ["contradictions_text", "data_blocks", "dropped_text", "finding_blocks"]

MOST_COPIES_NAMED = 5
STATUS_TEXTS = {"broken": "broken", "not checked": "not checked", "ok": "checks passed"}


def data_blocks(data: LabelledImages, found: NearDuplicates) -> Iterator[Block]:
    """What a data set holds and what is wrong with it."""
    channels, height, width = data.images.shape[1:]
    colour = "grey" if channels == 1 else "RGB"
    text = (
        f"{data.name}: {len(data)} images of {width} x {height} pixels, {colour}, "
        f"{len(data.class_names)} classes, digest {data.digest[:32]}"
    )
    yield Line(text, wraps=False)
    yield _class_grid(data, found)
    if data.groups is not None:
        yield Line(f"groups: {_groups_text(data, data.groups)}", wraps=False)
    yield Line(f"byte-identical copies: {dropped_text(data)}", wraps=False)
    if data.contradictions:
        yield Line(f"contradictions: {contradictions_text(data)}", wraps=False)
    for text in _near_duplicate_texts(data, found):
        yield Line(text, wraps=False)
    for note in (*data.notes, *found.notes):
        yield Line(f"note: {note}", wraps=False)


def _class_grid(data: LabelledImages, found: NearDuplicates) -> Grid:
    """Each class with its short name, images, near-duplicates, boxes and groups."""
    heads = ["class", "short", "images", "near-duplicates"]
    if data.boxes is not None:
        heads.append("boxes")
    if data.groups is not None:
        heads += ["groups", "largest group"]
    short_names = {full: short for short, full in data.abbreviations.items()}
    rows = []
    for label, name in enumerate(data.class_names):
        first, count = data.class_range(name)
        cells = [name, short_names.get(name, ""), str(count), str(found.later_in(label))]
        if data.boxes is not None:
            boxes_of_images = data.boxes[first : first + count]
            cells.append(str(sum(len(boxes) for boxes in boxes_of_images)))
        if data.groups is not None:
            _, sizes = np.unique(data.groups[first : first + count], return_counts=True)
            cells += [str(len(sizes)), str(sizes.max())]
        rows.append(cells)
    return Grid(heads, rows)


def _groups_text(data: LabelledImages, groups: npt.NDArray[np.int64]) -> str:
    """How many groups there are, and how many of them hold several classes."""
    pairs = np.unique(np.stack([groups, data.labels]), axis=1)
    _, classes = np.unique(pairs[0], return_counts=True)
    several = int((classes > 1).sum())
    return f"{len(classes)} by {data.group_by}, of which {several} hold several classes"


def _near_duplicate_texts(data: LabelledImages, found: NearDuplicates) -> Iterator[str]:
    """How many images are near-duplicates, how many pairs lie in two classes, and some of them."""
    text = "none"
    if len(found.later):
        groups = len(np.unique(found.clusters[found.later]))
        pairs = found.pairs[found.is_within]
        text = (
            f"{len(found.later)} images are near-duplicates of an earlier one of their class, in "
            f"{groups} groups ({_pairs_text(data, pairs)}); bench run --near-duplicates drop "
            "leaves out all but the first of each group"
        )
    yield f"near-duplicates: {text}"
    across = found.pairs[found.across]
    text = f"{len(across)} pairs ({_pairs_text(data, across)})" if len(across) else "none"
    yield f"near-duplicates in two classes: {text}"


def _pairs_text(data: LabelledImages, pairs: npt.NDArray[np.int64]) -> str:
    """The first pairs by name."""
    named = []
    for earlier, later in pairs[:MOST_COPIES_NAMED]:
        named.append(f"{data.files[later]} is like {data.files[earlier]}")
    return _first_named(named, len(pairs))


def dropped_text(data: LabelledImages) -> str:
    """How many byte-identical copies were left out, and the first of them by name."""
    if not data.dropped:
        return "none"
    named = [f"{copy} is {earlier}" for copy, earlier in data.dropped[:MOST_COPIES_NAMED]]
    return f"{len(data.dropped)} left out ({_first_named(named, len(data.dropped))})"


def contradictions_text(data: LabelledImages) -> str:
    """How many pictures lie in several classes, and the first of them with files and classes."""
    count = len(data.contradictions)
    files = sum(len(copies) for copies in data.contradictions)
    named = []
    for copies in data.contradictions[:MOST_COPIES_NAMED]:
        texts = [f"{file} ({class_name})" for file, class_name in copies]
        named.append(" is ".join(texts))
    pictures = "1 picture lies" if count == 1 else f"{count} pictures lie"
    return (
        f"{pictures} in two classes or more; all {files} files left out "
        f"({_first_named(named, count)})"
    )


def _first_named(named: Sequence[str], count: int) -> str:
    """The named ones of `count`, and how many others there are."""
    text = "; ".join(named)
    others = count - len(named)
    return f"{text} and {others} more" if others else text


def finding_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """How many checks each baseline passed; for the others what was expected and what came."""
    for name, rows in frame.groupby("baseline", sort=False):
        counts = _counts_text(rows["status"])
        yield Line(f"{name}: {counts}")
        is_ok = rows["status"] == "ok"
        yield from _reasons(rows[~is_ok])


def _reasons(frame: pd.DataFrame) -> Iterator[Line]:
    """One line for each reason, with the checks that gave it."""
    for (status, reason), part in frame.groupby(["status", "told"], sort=False):
        checks = ", ".join(part["check"])
        yield Line(f"  {status}: {checks}: {reason}", wraps=False)


def _counts_text(statuses: pd.Series[str]) -> str:
    counts = statuses.value_counts()
    texts = []
    for status, text in STATUS_TEXTS.items():
        if status in counts:
            texts.append(f"{counts[status]} {text}")
    return ", ".join(texts)
