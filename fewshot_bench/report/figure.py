"""What every figure shares: its look, colours and marks, its title and its files.

Told apart by colour-blind eyes and in grey; fit for a paper.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "LOOK",
    "MARKERS",
    "SIZE",
    "Picture",
    "Style",
    "files_of",
    "legend",
    "stem",
    "styles_of",
    "titled",
]

# Okabe and Ito (2008), dark to light in turns, so that neighbours differ in grey too
COLOURS = ("#000000", "#E69F00", "#0072B2", "#56B4E9", "#D55E00", "#F0E442", "#009E73", "#CC79A7")
MARKERS = "osD^vPX*<>"
LINES = ("-", "--", "-.", ":")
LOOK: Any = {
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#dddddd",
    "grid.linewidth": 0.6, "axes.axisbelow": True, "legend.frameon": False, "svg.hashsalt": "fewshot-bench",
    "svg.fonttype": "none", "text.parse_math": False, "figure.constrained_layout.use": True,
}  # fmt: skip
SIZE = (6.4, 4.0)  # inches
LETTERS = 13  # of a title, for each inch


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure and the stem of its files."""

    name: str
    figure: Figure


@dataclass(frozen=True)
class Style:
    """What tells a baseline from the others in every picture: three marks, so that one is enough."""

    colour: str
    marker: str
    line: str


def styles_of(names: Iterable[str]) -> dict[str, Style]:
    """A style for each name."""
    return {
        name: Style(COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)], LINES[at % len(LINES)])
        for at, name in enumerate(sorted(set(names)))
    }


def titled(figure: Figure, title: str) -> None:
    """Put a title above a figure, in as many lines as it takes."""
    lines = [
        textwrap.fill(line, int(LETTERS * figure.get_figwidth())) for line in title.splitlines()
    ]
    figure.suptitle("\n".join(lines), fontsize=9)


def stem(text: str) -> str:
    """A name of files, without what no file system takes."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)


def legend(axes: Axes) -> None:
    """To the right of the axes."""
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def files_of(picture: Picture) -> dict[str, bytes]:
    """The picture as PNG and SVG, the same to the byte for the same figures; by file name."""
    found = {}
    with rc_context(LOOK):
        for ending, about in (
            ("png", {"Software": None}),
            ("svg", {"Date": None, "Creator": None}),
        ):
            file = io.BytesIO()
            FigureCanvasAgg(picture.figure)
            picture.figure.savefig(file, format=ending, dpi=200, metadata=about)
            found[f"{picture.name}.{ending}"] = file.getvalue()
    return found
