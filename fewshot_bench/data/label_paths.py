"""Which picture a path in a label table means."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fewshot_bench.data.images import is_image
from fewshot_bench.data.label_columns import is_picture_name
from fewshot_bench.data.label_rows import LabelRow
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError

__all__ = ["PictureIndex", "rows_of_pictures"]

Parts = tuple[str, ...]  # the names in a path


@dataclass(frozen=True, order=True)
class _Likeness:
    """How well a path of a table fits a picture; the larger, the better.

    common: names at the end that are equal but for upper and lower case; exact: equal ones;
    is_whole: whether they are all names of the picture; is_sure: whether one is the end of the
    other.
    """

    is_sure: bool
    common: int
    exact: int
    is_whole: bool


class PictureIndex:
    """The pictures of a tree, to be found by their paths, or by the ends of these."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self.parts = {file: _parts(file) for file in files}
        self.by_name: dict[str, list[str]] = defaultdict(list)
        self.by_stem: dict[str, list[str]] = defaultdict(list)
        for file, parts in self.parts.items():
            name = parts[-1].casefold()
            self.by_name[name].append(file)
            self.by_stem[_stem(name)].append(file)

    def has(self, text: str) -> bool:
        """Whether a text of a table is the name of a picture: by its ending, or by one's stem."""
        parts = _parts(text)
        return bool(parts) and (is_picture_name(text) or parts[-1].casefold() in self.by_stem)

    def like(self, parts: Parts) -> tuple[list[str], _Likeness]:
        """(the pictures that a path fits best, how well)."""
        name = parts[-1].casefold()
        candidates = self.by_name.get(name, [])
        if not candidates:
            candidates = self.by_stem.get(_stem(name), [])
        best: list[str] = []
        highest = _Likeness(is_sure=False, common=0, exact=0, is_whole=False)
        for file in candidates:
            likeness = _likeness(parts, self.parts[file])
            if likeness > highest:
                best = []
                highest = likeness
            if likeness == highest:
                best.append(file)
        return best, highest


def _parts(path: str) -> Parts:
    """The names in a path, with separators of any system."""
    composed = unicodedata.normalize("NFC", path).replace("\\", "/")
    return tuple(part for part in composed.split("/") if part not in ("", "."))


def _stem(name: str) -> str:
    return name.rpartition(".")[0] if is_image(name) else name


def _likeness(path: Parts, picture: Parts) -> _Likeness:
    common = 1  # the last name, perhaps with another ending
    exact = int(path[-1] == picture[-1])
    for own, other in zip(path[-2::-1], picture[-2::-1], strict=False):
        if own.casefold() != other.casefold():
            break
        common += 1
        exact += own == other
    is_sure = common == min(len(path), len(picture)) and _has_name(path, picture)
    return _Likeness(is_sure, common, exact, common == len(picture))


def _has_name(path: Parts, picture: Parts) -> bool:
    """Whether the last names are the same, or that of the table is one without an ending."""
    name = path[-1].casefold()
    other = picture[-1].casefold()
    return name in (other, _stem(other))


@dataclass
class _Found:
    """What the paths of a table came to. Texts are for messages.

    claims: picture -> the paths that fit it, with how well.
    """

    claims: dict[str, list[tuple[_Likeness, Parts]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    missing: list[str] = field(default_factory=list)


def rows_of_pictures(
    pictures: PictureIndex, table: str, rows: Sequence[LabelRow]
) -> tuple[dict[str, list[LabelRow]], list[str]]:
    """(the rows of each picture that has some, notes).

    Notes tell of rows without a picture, of pictures without a row, and of paths that name another
    folder or ending than their picture has. table: its name for messages. Raises `UserError` if no
    path is that of a picture, if one could be that of two, or if two could be that of one.
    """
    if not pictures.files:
        raise UserError(f"there is no picture that {table} could label; name others with --data")
    rows_of_path: dict[Parts, list[LabelRow]] = defaultdict(list)
    for row in rows:
        rows_of_path[_parts(row.path)].append(row)
    found = _found(pictures, table, rows_of_path)
    rows_of: dict[str, list[LabelRow]] = {}
    otherwise = []
    for file in pictures.files:
        if file not in found.claims:
            continue
        claim = _best_claim(file, found, table, rows_of_path)
        if claim is None:
            continue
        likeness, path = claim
        rows_of[file] = rows_of_path[path]
        if not likeness.is_sure:
            otherwise.append(f"{'/'.join(path)} for {file}")
    if not rows_of:
        raise UserError(
            f"no row of {table} names one of the {len(pictures.files)} pictures: a row has "
            f"{rows[0].path!r}, a picture is {pictures.files[0]!r}; name the folder that the paths "
            "begin in, or another column with --label-columns path=COLUMN"
        )
    notes = []
    if found.missing:
        notes.append(
            f"{counted(len(found.missing), 'path', 'paths')} of {table} without a picture: "
            f"{some(found.missing)}"
        )
    without_row = [file for file in pictures.files if file not in rows_of]
    if without_row:
        notes.append(
            f"{counted(len(without_row), 'picture is', 'pictures are')} left out, without a row in "
            f"{table}: "
            f"{some(without_row)}"
        )
    if otherwise:
        notes.append(
            f"{counted(len(otherwise), 'path', 'paths')} of {table} with another folder or ending "
            f"than the picture: {some(otherwise)}"
        )
    return rows_of, notes


def _found(
    pictures: PictureIndex, table: str, rows_of_path: Mapping[Parts, list[LabelRow]]
) -> _Found:
    found = _Found()
    for path, rows in rows_of_path.items():
        files, likeness = pictures.like(path)
        if not files or (len(files) > 1 and not likeness.is_sure):
            found.missing.append(rows[0].path)
        elif len(files) > 1:
            raise UserError(
                f"{table}: {rows[0].path!r} in line {rows[0].line} may be {files[0]} or "
                f"{files[1]}; write the folder into the table, or name one folder with --data"
            )
        else:
            found.claims[files[0]].append((likeness, path))
    return found


def _best_claim(
    file: str, found: _Found, table: str, rows_of_path: Mapping[Parts, list[LabelRow]]
) -> tuple[_Likeness, Parts] | None:
    """The path that fits a picture best; the others name no picture.

    None if several fit in nothing but the last name.
    """
    claims = sorted(found.claims[file], key=lambda claim: claim[0], reverse=True)
    rows = [rows_of_path[path][0] for _, path in claims]
    best = claims[0]
    if len(claims) > 1 and claims[1][0] == best[0] and best[0].is_sure:
        raise UserError(
            f"{table}: {rows[0].path!r} in line {rows[0].line} and {rows[1].path!r} in line "
            f"{rows[1].line} may both be {file}; name the folder that the paths begin in"
        )
    is_unclear = len(claims) > 1 and not best[0].is_sure
    found.missing += [row.path for row in (rows if is_unclear else rows[1:])]
    return None if is_unclear else best
