"""The names that users see for the files of a folder or archive."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from fewshot_bench.data.encodings import NAMED, decoded

__all__ = ["readable_names", "without_clashes"]


def readable_names(
    names: Sequence[str | bytes], *, backslashes: bool
) -> tuple[list[str], list[str]]:
    """(a name for each name, notes on what was changed). Two names may become the same.

    names: text, or bytes where their encoding is not said; backslashes: read them as `/`.
    Names are composed (NFC), and their parts have no white space at their ends.
    """
    raw = [name for name in names if isinstance(name, bytes)]
    texts, encoding = decoded(raw)
    notes = []
    if encoding:
        count = sum(not name.isascii() for name in raw)
        notes.append(
            f"{count} names do not say their encoding and are read as {encoding} "
            f"(${NAMED} sets another)"
        )
    remaining = iter(texts)
    readable = [name if isinstance(name, str) else next(remaining) for name in names]
    for change, what in CHANGES.items():
        if change is _with_slashes and not backslashes:
            continue
        changed = [change(name) for name in readable]
        count = sum(old != new for old, new in zip(readable, changed, strict=True))
        if count:
            notes.append(f"{count} names {what}")
        readable = changed
    return readable, notes


def without_clashes(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(names of which each is there once, notes): the second `a/b.png` becomes `a/b~2.png`."""
    taken = set(names)
    seen: set[str] = set()
    unique = []
    renamed = []
    for name in names:
        new = name
        number = 1
        while new in seen or (number > 1 and new in taken):
            number += 1
            path = PurePosixPath(name)
            new = str(path.with_name(f"{path.stem}~{number}{path.suffix}"))
        seen.add(new)
        unique.append(new)
        if new != name:
            renamed.append(new)
    if not renamed:
        return unique, []
    return unique, [
        f"{len(renamed)} files have the name of another one and got a number, first {renamed[0]}"
    ]


def _with_slashes(name: str) -> str:
    return name.replace("\\", "/")


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _stripped(name: str) -> str:
    parts = [part.strip() or part for part in name.split("/")]
    return "/".join(parts)


CHANGES: dict[Callable[[str], str], str] = {
    _with_slashes: "have backslashes, which are read as /",
    _composed: "are read in composed form (NFC)",
    _stripped: "are read without the spaces at the ends of their parts",
}
