"""Lists on the terminal: what a data set holds, which plug-ins there are, what checks found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.table import Table

from fewshot_bench.cli.layout import print_line
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.registry.catalogue import PluginRow

if TYPE_CHECKING:
    from fewshot_bench.data.near_duplicates import NearDuplicates

__all__ = ["contradictions_text", "dropped_text", "show_data", "show_findings", "show_plugins"]

MOST_COPIES_NAMED = 5
STATUS_TEXTS = {"broken": "broken", "not checked": "not checked", "ok": "checks passed"}


def show_data(console: Console, data: LabelledImages, found: NearDuplicates) -> None:
    """What a data set holds and what is wrong with it."""
    channels, height, width = data.images.shape[1:]
    colour = "grey" if channels == 1 else "RGB"
    text = (
        f"{data.name}: {len(data)} images of {width} x {height} pixels, {colour}, "
        f"{len(data.class_names)} classes, digest {data.digest[:32]}"
    )
    print_line(console, text, wrap=False)
    console.print(_class_table(data, found))
    if data.groups is not None:
        print_line(console, f"groups: {_groups_text(data, data.groups)}", wrap=False)
    print_line(console, f"byte-identical copies: {dropped_text(data)}", wrap=False)
    if data.contradictions:
        print_line(console, f"contradictions: {contradictions_text(data)}", wrap=False)
    _show_near_duplicates(console, data, found)
    for note in (*data.notes, *found.notes):
        print_line(console, f"note: {note}", wrap=False)


def _class_table(data: LabelledImages, found: NearDuplicates) -> Table:
    """Each class with its short name, images, near-duplicates, boxes and groups."""
    table = Table("class", "short", "images", "near-duplicates")
    if data.boxes is not None:
        table.add_column("boxes")
    if data.groups is not None:
        table.add_column("groups")
        table.add_column("largest group")
    short_names = {full: short for short, full in data.abbreviations.items()}
    for label, name in enumerate(data.class_names):
        first, count = data.class_range(name)
        cells = [name, short_names.get(name, ""), str(count), str(found.later_in(label))]
        if data.boxes is not None:
            boxes_of_images = data.boxes[first : first + count]
            cells.append(str(sum(len(boxes) for boxes in boxes_of_images)))
        if data.groups is not None:
            _, sizes = np.unique(data.groups[first : first + count], return_counts=True)
            cells += [str(len(sizes)), str(sizes.max())]
        table.add_row(*cells)
    return table


def _groups_text(data: LabelledImages, groups: npt.NDArray[np.int64]) -> str:
    """How many groups there are, and how many of them hold several classes."""
    pairs = np.unique(np.stack([groups, data.labels]), axis=1)
    _, classes = np.unique(pairs[0], return_counts=True)
    several = int((classes > 1).sum())
    return f"{len(classes)} by {data.group_by}, of which {several} hold several classes"


def _show_near_duplicates(console: Console, data: LabelledImages, found: NearDuplicates) -> None:
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
    print_line(console, f"near-duplicates: {text}", wrap=False)
    across = found.pairs[found.across]
    text = f"{len(across)} pairs ({_pairs_text(data, across)})" if len(across) else "none"
    print_line(console, f"near-duplicates in two classes: {text}", wrap=False)


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


def show_plugins(console: Console, rows: Sequence[PluginRow]) -> None:
    """Baselines and data sets in a table each, then those that cannot be used, with the reason."""
    table_of_kind: dict[str, Table] = {}
    unusable = []
    for row in rows:
        kind = row["kind"]
        if kind not in table_of_kind:
            table_of_kind[kind] = _plugin_table(f"{kind}s")
        if row["error"]:
            unusable.append(row)
            continue
        year = str(row["year"] or "")
        table_of_kind[kind].add_row(row["name"], row["title"], row["source"], year, row["about"])
    for table in table_of_kind.values():
        console.print(table)
    for row in unusable:
        print_line(console, f"not usable: {row['name']}: {row['error']}", wrap=False)


def _plugin_table(title: str) -> Table:
    return Table("name", "title", "source", "year", "", title=title, title_justify="left")


def show_findings(console: Console, frame: pd.DataFrame) -> None:
    """How many checks each baseline passed; for the others what was expected and what came."""
    for name, rows in frame.groupby("baseline", sort=False):
        counts = _counts_text(rows["status"])
        print_line(console, f"{name}: {counts}")
        is_ok = rows["status"] == "ok"
        _show_reasons(console, rows[~is_ok])


def _show_reasons(console: Console, rows: pd.DataFrame) -> None:
    """One line for each reason, with the checks that gave it."""
    for (status, reason), part in rows.groupby(["status", "told"], sort=False):
        checks = ", ".join(part["check"])
        text = f"  {status}: {checks}: {reason}"
        print_line(console, text, wrap=False)


def _counts_text(statuses: pd.Series[str]) -> str:
    counts = statuses.value_counts()
    texts = []
    for status, text in STATUS_TEXTS.items():
        if status in counts:
            texts.append(f"{counts[status]} {text}")
    return ", ".join(texts)
