"""The rows of a label table, from text in any form that people write such tables in."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fewshot_bench.data.encodings import decoded
from fewshot_bench.data.label_columns import (
    BOX_ENDS,
    Columns,
    IsPicture,
    chosen_columns,
    has_column_names,
)
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError

__all__ = ["Box", "LabelRow", "LabelRows", "label_rows", "label_text"]

Box = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax

# of two separators that part the lines as well, the first is taken
SEPARATORS = ("\t", ";", ",", "|", " ")
SAMPLE = 200  # lines that tell the separator
MOST_COLUMNS = 256  # that are looked at for it: a wrong one parts run lengths into thousands
LONGEST_CELL = 2**30  # characters, for run lengths and polygons
# what a file begins with -> its encoding, and what people call it
MARKS = {
    b"\xef\xbb\xbf": ("utf-8-sig", ""),
    b"\xff\xfe": ("utf-16", "UTF-16"),
    b"\xfe\xff": ("utf-16", "UTF-16"),
}


@dataclass(frozen=True)
class LabelRow:
    """What one row says of a picture. group, split: empty if it says none.

    line: in the text, from 1; box: in pixels, or in shares of width and height, or None.
    """

    line: int
    path: str
    label: str
    group: str = ""
    split: str = ""
    box: Box | None = None


@dataclass(frozen=True)
class LabelRows:
    """The rows of a table that have a path and a label.

    columns: which column was read as what; notes: how the table was read.
    """

    rows: tuple[LabelRow, ...]
    columns: Columns
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    number: int
    cells: tuple[str, ...]


def label_text(content: bytes, table: str) -> tuple[str, list[str]]:
    """(the text of a table, notes on its encoding). table: its name for messages.

    Raises `UserError` if it is no text.
    """
    for mark, (encoding, title) in MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding, "replace"), _encoding_notes(table, title)
    if b"\0" in content:
        raise UserError(
            f"{table} is no text; save the table as .csv (Excel: CSV UTF-8) and name that"
        )
    try:
        return content.decode(), []
    except UnicodeDecodeError:
        lines, title = decoded(content.splitlines())
        return "\n".join(lines), _encoding_notes(table, title)


def _encoding_notes(table: str, title: str) -> list[str]:
    return [f"{table} is not in UTF-8 and is read as {title}"] if title else []


def label_rows(
    text: str, table: str, chosen: Mapping[str, str], is_picture: IsPicture
) -> LabelRows:
    """The rows of a table: separators, names of columns and numbers of boxes are read.

    table: its name for messages; chosen, is_picture: see `chosen_columns`. Raises `UserError` for
    an empty table, for lines with other numbers of values than most, for unclear columns, and for
    a box that is no four numbers.
    """
    lines = _lines(text, table, is_picture)
    columns = chosen_columns(table, [line.cells for line in lines], chosen, is_picture)
    if columns.has_names:
        lines = lines[1:]
    rows = []
    without = []
    long = []
    for line in lines:
        row = _row(line, columns, table)
        if "\n" in row.path + row.label:
            raise UserError(
                f"{table}: a value that ends in line {line.number} takes several lines; close its "
                "double quote"
            )
        if any("\n" in cell for cell in line.cells):
            long.append(f"line {line.number}")
        if row.path and row.label:
            rows.append(row)
        else:
            without.append(row.path or f"line {line.number}")
    if not rows:
        raise UserError(f"{table} has no row with a path and a label; name another --labels")
    notes = [_columns_note(table, columns)]
    if without:
        notes.append(
            f"{counted(len(without), 'row', 'rows')} of {table} left out, without a path or label: "
            f"{some(without)}"
        )
    if long:
        notes.append(
            f"{counted(len(long), 'row', 'rows')} of {table} on several lines, to {some(long)}"
        )
    if "split" in columns.positions:
        notes.append(_split_note(table, columns, rows))
    return LabelRows(tuple(rows), columns, tuple(notes))


def _lines(text: str, table: str, is_picture: IsPicture) -> list[_Line]:
    """The lines that hold something, each with the same number of values."""
    sample = "\n".join(text.splitlines()[:SAMPLE])
    separator = max(SEPARATORS, key=lambda one: _fitness(sample, one, is_picture))
    lines = _parted(text, separator)
    if not lines:
        raise UserError(f"{table} is empty; name a table with a path and a label in each row")
    width = _usual_width(lines)
    if width < 2:
        raise UserError(
            f"{table} has one column (its first row is {lines[0].cells[0]!r}); a label table has a "
            "path and a label in each row, with a comma, a tab or white space between"
        )
    for line in lines:
        if len(line.cells) != width:
            raise UserError(
                f"{table}: line {line.number} has {len(line.cells)} values and most have {width}; "
                "put a value that holds the separator into double quotes"
            )
    return lines


def _fitness(sample: str, separator: str, is_picture: IsPicture) -> tuple[bool, int, bool, float]:
    """How well a separator parts lines; the larger, the better."""
    lines = _parted(sample, separator)
    if not lines or _usual_width(lines) < 2:
        return (False, 0, False, 0.0)
    width = _usual_width(lines)
    share = sum(len(line.cells) == width for line in lines) / len(lines)
    naming = sum(any(map(is_picture, line.cells[:MOST_COLUMNS])) for line in lines)
    has_names = has_column_names(lines[0].cells, {}, is_picture)
    return (share == 1, naming, has_names, share)


def _usual_width(lines: Sequence[_Line]) -> int:
    widths = Counter(len(line.cells) for line in lines)
    return widths.most_common(1)[0][0]


def _parted(text: str, separator: str) -> list[_Line]:
    if separator == " ":
        text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    csv.field_size_limit(LONGEST_CELL)  # the standard one is shorter than some masks
    with_newlines = io.StringIO(text, newline=None)  # also those of old Macintoshes
    reader = csv.reader(with_newlines, delimiter=separator, skipinitialspace=True)
    lines = []
    for values in reader:
        cells = tuple(value.strip() for value in values)
        if any(cells):
            lines.append(_Line(reader.line_num, cells))
    return lines


def _row(line: _Line, columns: Columns, table: str) -> LabelRow:
    return LabelRow(
        line=line.number,
        path=columns.cell(line.cells, "path"),
        label=columns.cell(line.cells, "label"),
        group=columns.cell(line.cells, "group"),
        split=columns.cell(line.cells, "split"),
        box=_box(line, columns, table),
    )


def _box(line: _Line, columns: Columns, table: str) -> Box | None:
    if "xmin" not in columns.positions:
        return None
    ends = next(ends for ends in BOX_ENDS if ends[0] in columns.positions)
    roles = ("xmin", "ymin", *ends)
    texts = [columns.cell(line.cells, role) for role in roles]
    if not any(texts):
        return None
    numbers = [_number(text) for text in texts]
    if not all(map(math.isfinite, numbers)):
        raise UserError(
            f"{table}: line {line.number} has the box {', '.join(texts)}, which are no four "
            "numbers; correct them, or read no boxes with --label-columns xmin="
        )
    left, top, right, bottom = numbers
    if ends == BOX_ENDS[1]:
        right += left
        bottom += top
    return (left, top, right, bottom)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _columns_note(table: str, columns: Columns) -> str:
    text = f"labels come from {table}: {', '.join(columns.told())}"
    if not columns.has_names:
        text += "; it has no names of columns"
    unread = columns.unread()
    if unread:
        verb = "is" if len(unread) == 1 else "are"
        text += f"; {some(unread)} {verb} not read (--label-columns chooses others)"
    return text


def _split_note(table: str, columns: Columns, rows: Sequence[LabelRow]) -> str:
    counts = Counter(row.split or "none" for row in rows)
    texts = [f"{split} {count}" for split, count in counts.items()]
    return (
        f"{table} parts its rows by {columns.name('split')} ({some(texts)}); all are read, and "
        "protocols make splits of their own"
    )
