"""How a method looks: one colour and one marker, the same in all figures of all folders.

A rule, a setting or an older state of a method keeps its colour and marker, and has a line and a
filling of its own.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fewshot_bench.seeds import derive

__all__ = ["COLOURS", "GREY", "MARKERS", "Look", "Looks", "looks_of"]

# Okabe and Ito (2008) without yellow, which is too bright for lines; wine and brown in its place
COLOURS = (
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#882255",
    "#CC79A7",
    "#6B3E00",
    "#009E73",
    "#000000",
    "#D55E00",
)
MARKERS = "Xs*voPD<>^"
MARKER_SIZE = 5.0  # points
LARGER = {"*": 1.5, "P": 1.25, "X": 1.2}  # markers that have less area than others of their size
GREY = "#9a9a9a"  # of what a figure shows, but does not set apart
OWN_LINE = "solid"
OWN_FILL = "full"
DASHES: tuple[Any, ...] = ("--", "-.", ":", (0, (7, 2)), (0, (5, 1, 1, 1, 1, 1)))
FILLS = ("none", "left", "top", "right", "bottom")  # the half of a marker that has its colour
# With these salts, the methods that a run has by default differ in colour and in marker, all that
# come with the package in one of them, and the rules used most in line and filling.
COLOUR_SALT = 55162
MARKER_SALT = 157439
VARIANT_SALT = 17
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
            "markersize": MARKER_SIZE * LARGER.get(self.marker, 1.0),
            "fillstyle": "full" if is_hollow else self.fill,
            "markerfacecolor": "white" if is_hollow else self.colour,
            "markerfacecoloralt": "white",
            "markeredgecolor": self.colour,
            "markeredgewidth": 0.9,
        }

    def in_grey(self, taken: Collection[Look] = ()) -> Look:
        """The same without its colour, and with another marker where that look is taken."""
        first = MARKERS.index(self.marker)
        for marker in MARKERS[first:] + MARKERS[:first]:
            look = dataclasses.replace(self, colour=GREY, marker=marker)
            if look not in taken:
                return look
        return look

    @property
    def is_grey(self) -> bool:
        """Whether a figure shows the row, but does not set it apart."""
        return self.colour == GREY


Looks = dict[str, Look]  # by the name of the row


def looks_of(names: Iterable[str]) -> Looks:
    """A look for each row name, from all names of a folder.

    It follows from the name alone, as far as no other name of the folder would look the same.
    """
    variants: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        method = _method(name)
        variants.setdefault(method, []).append(name.removeprefix(method))
    numbers = _numbers(
        {method: _wanted_colour_and_marker(method) for method in variants},
        len(COLOURS) * len(MARKERS),
    )
    looks: Looks = {}
    for method, ends in variants.items():
        colour, marker = divmod(numbers[method], len(MARKERS))
        own = Look(COLOURS[colour], MARKERS[marker], OWN_LINE, OWN_FILL)
        count = len(DASHES) * len(FILLS)
        wanted = {end: derive(VARIANT_SALT, end) % count for end in ends if end}
        of_variants = _numbers(wanted, count)
        for end in ends:
            looks[method + end] = _variant(own, of_variants[end]) if end else own
    return looks


def _method(name: str) -> str:
    match = METHOD.match(name)
    assert match is not None  # it matches the empty text too
    return match.group()


def _wanted_colour_and_marker(method: str) -> int:
    colour = derive(COLOUR_SALT, method) % len(COLOURS)
    marker = derive(MARKER_SALT, method) % len(MARKERS)
    return colour * len(MARKERS) + marker


def _variant(own: Look, number: int) -> Look:
    """The look of a rule or setting; those of two numbers differ in line or filling."""
    shift, fill = divmod(number, len(FILLS))
    dash = (fill + 2 * shift) % len(DASHES)
    return dataclasses.replace(own, line=DASHES[dash], fill=FILLS[fill])


def _numbers(wanted: Mapping[str, int], count: int) -> dict[str, int]:
    """A number below `count` for each name: the one that it wants, or the next that is free."""
    numbers: dict[str, int] = {}
    for name, first in wanted.items():
        in_turn = [(first + step) % count for step in range(count)]
        free = [number for number in in_turn if number not in numbers.values()]
        numbers[name] = free[0] if free else first
    return numbers
