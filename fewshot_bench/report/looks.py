"""How a method looks: one colour and one marker, the same in all figures of all folders.

A rule, a setting or an older state of a method keeps its colour and marker, and has a line and a
filling of its own.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fewshot_bench.seeds import derive

__all__ = ["COLOURS", "GREY", "MARKERS", "Look", "looks_of"]

# Okabe and Ito (2008) without yellow, which is too bright for lines; wine and brown in its place
COLOURS = (
    "#000000",
    "#D55E00",
    "#882255",
    "#E69F00",
    "#CC79A7",
    "#6B3E00",
    "#0072B2",
    "#56B4E9",
    "#009E73",
)
MARKERS = "oXs<DP*v^>"
GREY = "#9a9a9a"  # of what a figure shows, but does not set apart
OWN_LINE = "solid"
OWN_FILL = "full"
DASHES: tuple[Any, ...] = ("--", "-.", ":", (0, (7, 2)), (0, (5, 1, 1, 1, 1, 1)))
FILLS = ("none", "left", "top", "right", "bottom")  # the half of a marker that has its colour
# With this salt, the methods that a run has by default differ in colour, all that come with the
# package in colour or marker, and the rules used most in line and filling.
SALT = 2033230
METHOD = re.compile(r"[^+\[@#]*")  # the start of a row's name, up to its rule, settings or age


@dataclass(frozen=True)
class Look:
    """The colour (`#rrggbb`), marker, line and filling of a row, as matplotlib takes them."""

    colour: str
    marker: str
    line: Any
    fill: str

    @property
    def mark(self) -> dict[str, Any]:
        """Matplotlib's arguments for a marker."""
        is_hollow = self.fill == "none"
        return {
            "color": self.colour,
            "marker": self.marker,
            "fillstyle": "full" if is_hollow else self.fill,
            "markerfacecolor": "white" if is_hollow else self.colour,
            "markerfacecoloralt": "white",
            "markeredgecolor": self.colour,
            "markeredgewidth": 0.9,
        }

    def in_grey(self) -> Look:
        """The same without its colour."""
        return dataclasses.replace(self, colour=GREY)


def looks_of(names: Iterable[str]) -> dict[str, Look]:
    """A look for each row name, from all names of a folder.

    It follows from the name alone, as far as no other name of the folder would look the same.
    """
    variants: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        variants.setdefault(_method(name), []).append(name)
    looks = {}
    numbers = _numbers(variants, len(COLOURS) * len(MARKERS))
    for method, rows in variants.items():
        colour, marker = divmod(numbers[method], len(MARKERS))
        own = Look(COLOURS[colour], MARKERS[marker], OWN_LINE, OWN_FILL)
        others = [name.removeprefix(method) for name in rows if name != method]
        of_variants = _numbers(others, len(DASHES) * len(FILLS))
        for name in rows:
            number = of_variants.get(name.removeprefix(method))
            looks[name] = own if number is None else _variant(own, number)
    return looks


def _method(name: str) -> str:
    match = METHOD.match(name)
    assert match is not None  # it matches the empty text too
    return match.group()


def _variant(own: Look, number: int) -> Look:
    """The look of a rule or setting; those of two numbers differ in line or filling."""
    shift, fill = divmod(number, len(FILLS))
    dash = (fill + 2 * shift) % len(DASHES)
    return dataclasses.replace(own, line=DASHES[dash], fill=FILLS[fill])


def _numbers(names: Iterable[str], count: int) -> dict[str, int]:
    """A number below `count` for each name: that of its digest, or the next that is free."""
    numbers: dict[str, int] = {}
    for name in sorted(names):
        wanted = derive(SALT, name) % count
        in_turn = [(wanted + step) % count for step in range(count)]
        free = [number for number in in_turn if number not in numbers.values()]
        numbers[name] = free[0] if free else wanted
    return numbers
