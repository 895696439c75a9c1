"""How the text of an option becomes a value.

Each function takes the flag, for its message, and what was written behind it. It raises `UserError`
for what cannot be read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from fewshot_bench.errors import UserError

__all__ = [
    "LISTS",
    "causes",
    "days",
    "names",
    "number",
    "points",
    "quoted",
    "settings",
    "shares",
    "size_or_all",
    "whole_number",
    "whole_number_or_all",
    "whole_number_or_auto",
    "whole_numbers",
]

Number = TypeVar("Number", int, float)
ALL = "all"
CAUSES = ("moved", "changed", "missing")  # for which bench diff fails
AUTO = "auto"


# a name in double quotes, where "" is one of them, or text in which brackets may hold commas
ENTRY = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|((?:\[[^\]]*\]|[^,])*))(,|$)')


def names(flag: str, text: str) -> list[str]:
    """Names with one comma between them.

    Commas in brackets belong to the name of a row, and a name with other commas stands in double
    quotes, as in CSV.
    """
    entries = []
    position = 0
    comma = ","
    while comma:
        match = ENTRY.match(text, position)
        assert match is not None  # the second kind of entry is any text
        quoted, plain, comma = match.groups()
        entries.append(plain.strip() if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    if not all(entries):
        raise UserError(
            f"{flag} {text!r} has an empty entry; "
            "write names or numbers with one comma between them"
        )
    return entries


def quoted(entry: object) -> str:
    """An entry of a list as `names` reads it."""
    text = str(entry)
    if "," not in text and '"' not in text:
        return text
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


def causes(flag: str, text: str) -> list[str]:
    """For what `bench diff` fails, with one comma between them."""
    entries = names(flag, text)
    for entry in entries:
        if entry not in CAUSES:
            raise UserError(f"{flag} {entry!r} is unknown (allowed: {', '.join(CAUSES)})")
    return entries


def whole_number(flag: str, text: str) -> int:
    """A whole number."""
    return _number(flag, text, int, "a whole number")


def whole_numbers(flag: str, text: str) -> list[int]:
    """Whole numbers with one comma between them."""
    entries = names(flag, text)
    return [whole_number(flag, entry) for entry in entries]


def number(flag: str, text: str) -> float:
    """A number such as 0.1."""
    return _number(flag, text, float, "a number such as 0.1")


def shares(flag: str, text: str) -> list[float]:
    """Shares with one comma between them, such as 0.8,0.6."""
    values = []
    for entry in names(flag, text):
        values.append(_number(flag, entry, float, "shares such as 0.8"))
    return values


# what reads several entries
LISTS = (names, causes, whole_numbers, shares)


def whole_number_or_all(flag: str, text: str) -> int | str:
    """A whole number, or `all`."""
    if text == ALL:
        return ALL
    return _number(flag, text, int, "a whole number, or all")


def whole_number_or_auto(flag: str, text: str) -> int | str:
    """A whole number, or `auto`."""
    if text == AUTO:
        return AUTO
    return _number(flag, text, int, "a whole number, or auto")


def size_or_all(flag: str, text: str) -> float | str:
    """A number of images, a share of them, or `all`."""
    if text == ALL:
        return ALL
    return _number(flag, text, float, "a whole number, a share such as 0.2, or all")


def points(flag: str, margin: float) -> float:
    """A margin in percentage points as a fraction."""
    if not 0 < margin < 100:
        raise UserError(
            f"{flag} {margin} is out of bounds (allowed: more than 0, less than 100 points)"
        )
    return margin / 100


def days(flag: str, text: str) -> float:
    """A number of days, 0 or more."""
    allowed = "a number of days, 0 or more"
    number = _number(flag, text, float, allowed)
    if not 0 <= number < math.inf:
        raise UserError(f"{flag} {text} is out of bounds (allowed: {allowed})")
    return number


def settings(flag: str, texts: Sequence[str]) -> dict[str, str]:
    """The value of each setting, from texts such as scl_amp.margin=0.3."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"{flag} {text!r} has no value; write {flag} BASELINE.SETTING=VALUE")
        values[name.strip()] = value.strip()
    return values


def _number(flag: str, text: str, convert: Callable[[str], Number], allowed: str) -> Number:
    try:
        return convert(text)
    except ValueError:
        raise UserError(f"{flag} {text!r} cannot be read (allowed: {allowed})") from None
