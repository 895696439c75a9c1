"""Values and lists that a person writes as text, such as 1,3,5."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, SupportsIndex, TypeVar

from fewshot_bench.errors import UserError

__all__ = ["names", "points", "read_number", "whole"]

Number = TypeVar("Number", int, float)

# a name in double quotes, where "" is one of them, or text in which brackets may hold commas
ENTRY = re.compile(r'\s*(?:"((?:[^"]|"")*)"\s*|((?:\[[^\]]*\]|[^,])*))(,|$)')


def names(what: str, text: str) -> list[str]:
    """Names with one comma between them.

    Commas in brackets belong to the name of a row, and a name with other commas stands in double
    quotes, as in CSV. what: what the names are given as, for the message of a `UserError`.
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
            f"{what} {text!r} has an empty entry; "
            "write names or numbers with one comma between them"
        )
    return entries


def whole(value: str | SupportsIndex) -> int:
    """A whole number, written as text or not; raises `ValueError` or `TypeError` for another."""
    return int(value) if isinstance(value, str) else operator.index(value)


def points(what: str, margin: float) -> float:
    """A margin in percentage points, if it is one; raises `UserError` where it is not."""
    if not 0 < margin < 100:
        raise UserError(
            f"{what} {margin} is out of bounds (allowed: more than 0, less than 100 points)"
        )
    return margin


def read_number(what: str, value: Any, convert: Callable[[Any], Number], allowed: str) -> Number:
    """What `convert` makes of a value; raises `UserError` where it cannot."""
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise UserError(f"{what} {value!r} cannot be read (allowed: {allowed})") from None
