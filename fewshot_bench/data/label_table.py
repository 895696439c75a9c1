"""The pictures of a folder or archive with the labels that a table gives them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.boxes import fitted_boxes
from fewshot_bench.data.class_names import named_pairs, renamed_classes
from fewshot_bench.data.groups import numbered
from fewshot_bench.data.image_set import ImageSet, read_images
from fewshot_bench.data.images import is_image
from fewshot_bench.data.label_columns import Columns
from fewshot_bench.data.label_paths import PictureIndex, rows_of_pictures
from fewshot_bench.data.label_rows import Box, LabelRow, label_rows, label_text
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.layout import ClassLayout, alike_notes
from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError, unknown

__all__ = ["MULTI_LABEL", "LabelLayout", "label_layout", "layout_images", "table_content"]

RowsOf = dict[str, list[LabelRow]]  # picture -> its rows
ERROR = "error"
FIRST = "first"
DROP = "drop"
MULTI_LABEL = (ERROR, FIRST, DROP)  # what happens to a picture with several labels
MOST_BYTES = 2**28  # of a table


@dataclass(frozen=True)
class LabelLayout(ClassLayout):
    """Pictures with what a table, or a data set, says of each.

    groups: of each, or None; group_by: where the groups come from, or empty; boxes: those of each
    with its class, or None.
    """

    groups: tuple[str, ...] | None = None
    group_by: str = ""
    boxes: tuple[tuple[Box, ...], ...] | None = None

    def completed(self, data: LabelledImages, images: ImageSet, fit: str) -> LabelledImages:
        """Images of these pictures with the groups and boxes that the table gives them.

        images: as they were read; fit: how they became squares.
        """
        groups = None
        if self.groups is not None:
            group_of = dict(zip(self.files, self.groups, strict=True))
            groups = numbered([group_of[file] for file in data.files])
        boxes = None
        notes = data.notes
        if self.boxes is not None:
            side = images.images.shape[2]
            fitted, box_notes = fitted_boxes(self.boxes, images.sizes, side, fit)
            boxes_of = dict(zip(self.files, fitted, strict=True))
            boxes = tuple(boxes_of[file] for file in data.files)
            notes = (*notes, *box_notes)
        return dataclasses.replace(
            data, groups=groups, group_by=self.group_by, boxes=boxes, notes=notes
        )


def layout_images(
    tree: FileTree,
    layout: ClassLayout,
    name: str,
    *,
    side: int = 0,
    fit: str = "squash",
    class_names: Sequence[str] = (),
    abbreviations: Mapping[str, str] | None = None,
) -> LabelledImages:
    """The pictures of a layout as squares, with its classes, groups, boxes and notes.

    name: of the data set; side, fit: see `read_images`; class_names: in their order, sorted if none
    are given. Raises `UserError` for damaged pictures and for a class without one.
    """
    read = read_images(tree, layout.files, side=side, fit=fit)
    names = list(class_names) or layout.class_names
    data = group_by_class(
        name,
        read.images,
        [names.index(class_name) for class_name in layout.classes],
        names,
        layout.files,
        notes=[*layout.notes, *read.notes],
        abbreviations=abbreviations,
    )
    if isinstance(layout, LabelLayout):
        return layout.completed(data, read, fit)
    return data


def table_content(tree: FileTree, labels: str) -> bytes:
    """The bytes of the file `labels`, or of the file of the tree that ends with this name.

    Raises `UserError` if it does not exist, cannot be read, or may be two files of the tree.
    """
    path = Path(labels).expanduser()
    if not path.is_file():
        inside = [file for file in tree.files if f"/{file}".endswith(f"/{labels}")]
        if len(inside) > 1 and labels not in inside:
            raise UserError(
                f"--labels {labels} may be {inside[0]} or {inside[1]} in {tree.path}; name one"
            )
        if inside:
            return tree.read(labels if labels in inside else inside[0])
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{labels} has more than {MOST_BYTES:,} bytes; name a smaller table")
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"--labels {labels} cannot be read ({error.strerror}); name a table, with its folder "
            f"or as it lies in {tree.path}"
        ) from None


def label_layout(
    files: Sequence[str],
    content: bytes,
    table: str,
    *,
    columns: str = "",
    class_names: str = "",
    multi_label: str = ERROR,
) -> LabelLayout:
    """Those of `files` that are pictures and have a label in a table, with their classes.

    content, table: of the table, and its name for messages; columns: which column is for what, as
    `path=a,label=b`; class_names: names for labels, as `0=good,1=crack`; multi_label: what
    happens to a picture with several labels: error, first (of the table), or drop.

    A path of the table may begin above or below the folder; then its end decides, if one picture
    alone has it. Raises `UserError` if no path is that of a picture, if one could be that of two,
    or if two could be that of one.
    """
    if multi_label not in MULTI_LABEL:
        raise unknown("value of --multi-label", multi_label, MULTI_LABEL)
    pictures = PictureIndex(list(filter(is_image, files)))
    text, notes = label_text(content, table)
    chosen = named_pairs("--label-columns", columns)
    read = label_rows(text, table, chosen, pictures.has)
    rows_of, path_notes = rows_of_pictures(pictures, table, read.rows)
    rows_of, name_notes = _with_class_names(rows_of, class_names)
    rows_of, label_notes = _with_one_label(rows_of, table, multi_label)
    groups, group_by, group_notes = _groups(rows_of, table, read.columns)
    boxes, box_notes = _boxes(rows_of, table, read.columns)
    classes = tuple(rows[0].label for rows in rows_of.values())
    notes += [*read.notes, *path_notes, *name_notes, *label_notes, *group_notes, *box_notes]
    return LabelLayout(
        files=tuple(rows_of),
        classes=classes,
        notes=(*notes, *alike_notes(set(classes))),
        groups=groups,
        group_by=group_by,
        boxes=boxes,
    )


def _with_class_names(rows_of: RowsOf, class_names: str) -> tuple[RowsOf, list[str]]:
    rows = [row for of_file in rows_of.values() for row in of_file]
    labels, notes = renamed_classes([row.label for row in rows], class_names)
    remaining = iter(labels)
    renamed = {}
    for file, of_file in rows_of.items():
        renamed[file] = [dataclasses.replace(row, label=next(remaining)) for row in of_file]
    return renamed, notes


def _with_one_label(rows_of: RowsOf, table: str, multi_label: str) -> tuple[RowsOf, list[str]]:
    """(the rows of each picture that have its label, notes on those with several)."""
    several = []
    kept: RowsOf = {}
    for file, rows in rows_of.items():
        labels = list(dict.fromkeys(row.label for row in rows))
        if len(labels) > 1:
            several.append(f"{file} ({', '.join(labels)})")
        if len(labels) == 1 or multi_label == FIRST:
            kept[file] = [row for row in rows if row.label == labels[0]]
    if not several:
        return kept, []
    count = f"{len(several)} of {counted(len(rows_of), 'picture', 'pictures')}"
    text = f"{count} with several labels in {table}"
    if multi_label == ERROR:
        raise UserError(
            f"{text} ({some(several)}); keep the first label of each with --multi-label first, or "
            "leave them out with --multi-label drop"
        )
    if not kept:
        raise UserError(f"{text}: none is left with --multi-label drop; use first")
    what = "the first is kept" if multi_label == FIRST else "left out"
    notes = [f"{text}, {what} (--multi-label {multi_label}): {some(several)}"]
    before = {row.label for rows in rows_of.values() for row in rows}
    lost = sorted(before - {rows[0].label for rows in kept.values()})
    if lost:
        notes.append(f"classes that then have no picture are left out: {some(lost)}")
    return kept, notes


def _groups(
    rows_of: RowsOf, table: str, columns: Columns
) -> tuple[tuple[str, ...] | None, str, list[str]]:
    """(the group of each picture, where they come from, notes); (None, "", notes) without groups.

    A picture without a group is one of its own.
    """
    if "group" not in columns.positions:
        return None, "", []
    name = columns.name("group")
    groups = []
    alone = []
    for file, rows in rows_of.items():
        named = sorted({row.group for row in rows if row.group})
        if len(named) > 1:
            raise UserError(
                f"{table} puts {file} into the groups {', '.join(named)} ({name}); correct it, or "
                "read no groups with --label-columns group="
            )
        if not named:
            alone.append(file)
        groups.append(f"group {named[0]}" if named else f"picture {file}")
    count = len(set(groups))
    if count == 1 and len(groups) > 1:
        return None, "", [f"{name} of {table} holds one group and is not used"]
    notes = []
    if alone:
        notes.append(
            f"{counted(len(alone), 'picture', 'pictures')} without a group, now one each: "
            f"{some(alone)}"
        )
    if count == len(groups):
        notes.append(
            f"{name} of {table} puts every picture into a group of its own: no two of them are "
            "kept apart for it"
        )
    return tuple(groups), f"{name} of {table}", notes


def _boxes(
    rows_of: RowsOf, table: str, columns: Columns
) -> tuple[tuple[tuple[Box, ...], ...] | None, list[str]]:
    """(the boxes of each picture, notes); (None, notes) if the table has none."""
    if "xmin" not in columns.positions:
        return None, _repeated_notes(rows_of, table)
    boxes = []
    swapped = []
    empty = []
    for rows in rows_of.values():
        of_picture = []
        for row in rows:
            if row.box is None:
                continue
            left, top, right, bottom = row.box
            if left == right or top == bottom:
                empty.append(f"line {row.line}")
                continue
            if left > right or top > bottom:
                swapped.append(f"line {row.line}")
            horizontal = sorted((left, right))
            vertical = sorted((top, bottom))
            of_picture.append((horizontal[0], vertical[0], horizontal[1], vertical[1]))
        boxes.append(tuple(of_picture))
    notes = []
    if swapped:
        notes.append(
            f"{counted(len(swapped), 'box', 'boxes')} of {table} with swapped corners, put right: "
            f"{some(swapped)}"
        )
    if empty:
        notes.append(
            f"{counted(len(empty), 'box', 'boxes')} of {table} left out, without area: "
            f"{some(empty)}"
        )
    return tuple(boxes), notes


def _repeated_notes(rows_of: RowsOf, table: str) -> list[str]:
    repeated = [file for file, rows in rows_of.items() if len(rows) > 1]
    if not repeated:
        return []
    return [
        f"{counted(len(repeated), 'picture', 'pictures')} with one label in several rows of "
        f"{table}: {some(repeated)}"
    ]
