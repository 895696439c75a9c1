"""Which column of a label table holds what: by its name, its values, or a user's choice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fewshot_bench.data.images import UNREADABLE_SUFFIXES, is_image
from fewshot_bench.errors import UserError, unknown

__all__ = [
    "BOX_ENDS",
    "Columns",
    "IsPicture",
    "chosen_columns",
    "has_column_names",
    "is_picture_name",
]

Cells = Sequence[str]
IsPicture = Callable[[str], bool]

# what a column is for -> the names that such columns have, in lower case and without separators
SYNONYMS = {
    "path": (
        *("path", "file", "filename", "filepath", "image", "imagename", "imagepath", "imagefile"),
        *("imagefilename", "imagefilepath", "imageid", "img", "imgname", "imgpath", "imgid"),
        *("imgrelpath", "imagerelpath", "relpath", "relativepath", "picture", "picturename"),
        *("photo", "filenames", "images", "files", "paths"),
    ),
    "label": (
        *("label", "labels", "labelname", "labelid", "class", "classes", "classname", "classid"),
        *("category", "categoryname", "categoryid", "target", "defect", "defecttype"),
        *("defectclass", "defectname", "defectid", "failuretype", "anomalytype"),
    ),
    "split": ("split", "subset", "set", "fold", "partition", "usage", "phase"),
    "group": (
        *("group", "groupid", "groupname", "plate", "plateid", "partid", "wafer", "waferid"),
        *("coil", "coilid", "lot", "lotid", "panel", "panelid", "specimen", "specimenid"),
    ),
    "xmin": ("xmin", "x1", "left", "x", "bboxx", "bboxxmin"),
    "ymin": ("ymin", "y1", "top", "y", "bboxy", "bboxymin"),
    "xmax": ("xmax", "x2", "right", "bboxxmax"),
    "ymax": ("ymax", "y2", "bottom", "bboxymax"),
    "width": ("width", "w", "bboxwidth", "bboxw"),
    "height": ("height", "h", "bboxheight", "bboxh"),
}
ROLES = tuple(SYNONYMS)
CORNER = ("xmin", "ymin")
NOT_OF_BOXES = ("path", "label", "split", "group")
# the two ways to write where a box ends; `width` and `height` beside both are of the picture
BOX_ENDS = (("xmax", "ymax"), ("width", "height"))
MOST_TEXT = 60  # characters of a row in a message


@dataclass(frozen=True)
class Columns:
    """Which column is for what.

    names: of all columns, as in the first row, or their numbers; has_names: whether the first row
    holds names; positions: what a column is for -> its position.
    """

    names: tuple[str, ...]
    has_names: bool
    positions: Mapping[str, int]

    def cell(self, cells: Cells, role: str) -> str:
        """What a row says; empty if no column is for that."""
        position = self.positions.get(role)
        return "" if position is None else cells[position]

    def name(self, role: str) -> str:
        """The column of a role, for messages: `ImageId`, or `column 2`."""
        return self._named(self.positions[role])

    def told(self) -> list[str]:
        """Which column is for what, for messages."""
        texts = [
            f"{self.name(role)} is the {role}" for role in NOT_OF_BOXES if role in self.positions
        ]
        sides = [self.name(role) for role in self.positions if role not in NOT_OF_BOXES]
        if sides:
            texts.append(f"{', '.join(sides)} are the box")
        return texts

    def unread(self) -> list[str]:
        """The columns that are for nothing, for messages."""
        used = set(self.positions.values())
        return [self._named(at) for at in range(len(self.names)) if at not in used]

    def _named(self, position: int) -> str:
        name = self.names[position]
        return name if self.has_names and name else f"column {position + 1}"


def is_picture_name(text: str) -> bool:
    """Whether a text ends as the name of a picture does, readable or not."""
    suffix = PurePosixPath(text).suffix.lower()
    return is_image(text) or suffix in UNREADABLE_SUFFIXES


def has_column_names(cells: Cells, chosen: Mapping[str, str], is_picture: IsPicture) -> bool:
    """Whether the first row of a table holds the names of its columns.

    chosen: what the user says, see `chosen_columns`.
    """
    if any(map(is_picture, cells)):
        return False
    plain = {_plain(cell) for cell in cells}
    is_known = any(plain.intersection(SYNONYMS[role]) for role in ("path", "label"))
    return is_known or any(name in cells for name in chosen.values() if name)


def chosen_columns(
    table: str,
    rows: Sequence[Cells],
    chosen: Mapping[str, str],
    is_picture: IsPicture,
) -> Columns:
    """Which column of a table is for what.

    table: its name for messages; rows: all, with that of the names; chosen: what a column is for ->
    the name or number (from 1) that the user gives, or empty for none; is_picture: whether a text
    names a picture. A first row that names no picture, where the rows below do, holds names too.

    Raises `UserError` that shows the columns if it is not clear which has the paths or the labels.
    """
    return _Chooser(table, rows, chosen, is_picture).run()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


class _Chooser:
    def __init__(
        self,
        table: str,
        rows: Sequence[Cells],
        chosen: Mapping[str, str],
        is_picture: IsPicture,
    ) -> None:
        for role in chosen:
            if role not in ROLES:
                raise unknown("column of --label-columns", role, ROLES)
        self.table = table
        self.first = rows[0]
        self.below = rows[1:]
        self.chosen = chosen
        self.is_picture = is_picture
        self.has_names = has_column_names(self.first, chosen, is_picture)
        self.positions: dict[str, int] = {}

    def run(self) -> Columns:
        self._take_chosen()
        self._take_path()
        if self.below and not self.is_picture(self.first[self.positions["path"]]):
            self.has_names |= self.is_picture(self.below[0][self.positions["path"]])
        for role in ("split", "group"):
            self._take_named(role)
        self._take_box()
        self._take_label()
        width = len(self.first)
        numbers = tuple(str(position + 1) for position in range(width))
        names = tuple(self.first) if self.has_names else numbers
        return Columns(names, self.has_names, self.positions)

    def _take_chosen(self) -> None:
        for role, name in self.chosen.items():
            if not name:
                continue
            if self.has_names and name in self.first:
                self.positions[role] = self.first.index(name)
            elif name.isdecimal() and 1 <= int(name) <= len(self.first):
                self.positions[role] = int(name) - 1
            else:
                raise UserError(
                    f"--label-columns {role}={name}: {self.table} has no such column "
                    f"({self._shown()}); give a name or a number, 1 being the first"
                )
            for other, position in self.positions.items():
                if other != role and position == self.positions[role]:
                    raise UserError(
                        f"--label-columns {other}={self.chosen[other]},{role}={name} is one column "
                        f"of {self.table} for both ({self._shown()}); name a column for each"
                    )

    def _take_path(self) -> None:
        if "path" in self.positions:
            return
        named = self._named("path")
        if len(named) == 1:
            self.positions["path"] = named[0]
            return
        candidates = named or self._free()
        # a label such as 0 may be the stem of a picture: a column of whole file names goes first
        naming = self._naming(candidates, is_picture_name) or self._naming(
            candidates, self.is_picture
        )
        if len(naming) != 1:
            raise self._unclear("path", named or naming)
        self.positions["path"] = naming[0]

    def _take_label(self) -> None:
        if "label" in self.positions:
            return
        named = self._named("label")
        free = self._free()
        if len(named) == 1:
            self.positions["label"] = named[0]
        elif named or not free or (self.has_names and len(free) > 1):
            raise self._unclear("label", named)
        else:
            # a list without names has the label behind the path
            behind = [at for at in free if at > self.positions["path"]]
            self.positions["label"] = (behind or free)[0]

    def _take_box(self) -> None:
        for ends in BOX_ENDS:
            found = {role: self._named(role) for role in (*CORNER, *ends)}
            is_whole = all(found[role] or role in self.positions for role in found)
            if is_whole:
                for role in found:
                    self._take_named(role)
                return
        for role in (*CORNER, *BOX_ENDS[0]):
            if role in self.positions:
                raise UserError(
                    f"--label-columns {role}={self.chosen[role]} is not the whole box; name xmin, "
                    "ymin, xmax and ymax, or xmin, ymin, width and height"
                )

    def _take_named(self, role: str) -> None:
        if role in self.positions:
            return
        named = self._named(role)
        if len(named) > 1:
            raise self._unclear(role, named)
        if named:
            self.positions[role] = named[0]

    def _named(self, role: str) -> list[int]:
        """The columns that have a usual name of that role, unless the user wants none."""
        if not self.has_names or role in self.chosen:
            return []
        return [at for at in self._free() if _plain(self.first[at]) in SYNONYMS[role]]

    def _free(self) -> list[int]:
        used = set(self.positions.values())
        return [at for at in range(len(self.first)) if at not in used]

    def _naming(self, candidates: Sequence[int], is_picture: IsPicture) -> list[int]:
        """The columns that name pictures in most rows."""
        rows = self.below or [self.first]
        naming = []
        for at in candidates:
            count = sum(is_picture(cells[at]) for cells in rows)
            if count > len(rows) / 2:
                naming.append(at)
        return naming

    def _unclear(self, role: str, candidates: Sequence[int]) -> UserError:
        what = f"no column is known to hold the {role}"
        if candidates:
            texts = [repr(self.first[at]) for at in candidates]
            what = f"{' and '.join(texts)} may both be the {role}"
        return UserError(
            f"{self.table}: {what} ({self._shown()}); say which it is with --label-columns "
            f"{role}=COLUMN, by name or number"
        )

    def _shown(self) -> str:
        """The columns, and what they hold in one row."""
        text = f"its first row is {_shortened(self.first)}"
        if self.below:
            text += f", the next {_shortened(self.below[0])}"
        return text


def _shortened(cells: Cells) -> str:
    text = ", ".join(cells)
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}..."
