"""How the text of an option becomes a value.

Each function takes the flag, for its message, and what was written behind it. It raises `UserError`
for what cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fewshot_bench.errors import UserError
from fewshot_bench.lists import names, points, read_number

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

ALL = "all"
CAUSES = ("moved", "changed", "missing")  # for which bench diff fails
AUTO = "auto"


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
    return read_number(flag, text, int, "a whole number")


def whole_numbers(flag: str, text: str) -> list[int]:
    """Whole numbers with one comma between them."""
    entries = names(flag, text)
    return [whole_number(flag, entry) for entry in entries]


def number(flag: str, text: str) -> float:
    """A number such as 0.1."""
    return read_number(flag, text, float, "a number such as 0.1")


def shares(flag: str, text: str) -> list[float]:
    """Shares with one comma between them, such as 0.8,0.6."""
    values = []
    for entry in names(flag, text):
        values.append(read_number(flag, entry, float, "shares such as 0.8"))
    return values


# what reads several entries
LISTS = (names, causes, whole_numbers, shares)


def whole_number_or_all(flag: str, text: str) -> int | str:
    """A whole number, or `all`."""
    if text == ALL:
        return ALL
    return read_number(flag, text, int, "a whole number, or all")


def whole_number_or_auto(flag: str, text: str) -> int | str:
    """A whole number, or `auto`."""
    if text == AUTO:
        return AUTO
    return read_number(flag, text, int, "a whole number, or auto")


def size_or_all(flag: str, text: str) -> float | str:
    """A number of images, a share of them, or `all`."""
    if text == ALL:
        return ALL
    return read_number(flag, text, float, "a whole number, a share such as 0.2, or all")


def days(flag: str, text: str) -> float:
    """A number of days, 0 or more."""
    allowed = "a number of days, 0 or more"
    number = read_number(flag, text, float, allowed)
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
