"""What every figure shares: its look, colours and marks, its title and its files.

Baselines differ in colour, marker and line: to colour-blind eyes and in grey prints too.
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

from fewshot_bench.records.paths import portable_name
from fewshot_bench.report.fonts import drawable

__all__ = [
    "CHANCE_LINE",
    "COLOURS",
    "LOOK",
    "MARKERS",
    "SIZE",
    "Picture",
    "Style",
    "Styles",
    "equivalence_band",
    "files_of",
    "legend",
    "single",
    "stem",
    "styles_of",
    "titled",
]

# Okabe and Ito (2008), dark and light in turns, so that neighbours differ in grey too
COLOURS = ("#000000", "#E69F00", "#0072B2", "#56B4E9", "#D55E00", "#F0E442", "#009E73", "#CC79A7")
MARKERS = "osD^vPX*<>"
LINES = ("-", "--", "-.", ":")
LOOK: Any = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text, and can be searched
    "svg.hashsalt": "fewshot-bench",  # else the ids in an SVG are random
    "text.parse_math": False,  # class names may hold dollar signs
}
CHANCE_LINE: Any = {"color": "#777777", "label": "chance", "ls": ":", "lw": 0.8}
SIZE = (6.4, 4.0)  # inches
LETTERS_PER_INCH = 13  # of a title
DOTS_PER_INCH = 200


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure and the name of its files, without their ending."""

    name: str
    figure: Figure


@dataclass(frozen=True)
class Style:
    """The colour, marker and line of a baseline, the same in every picture."""

    colour: str
    marker: str
    line: str

    @property
    def mark(self) -> dict[str, Any]:
        """Matplotlib's arguments for a mark with a thin black edge."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "markeredgecolor": "black",
            "markeredgewidth": 0.4,
        }


Styles = dict[str, Style]  # by the name of the row


def styles_of(names: Iterable[str]) -> Styles:
    """A style for each name."""
    styles = {}
    for index, name in enumerate(sorted(set(names))):
        colour = COLOURS[index % len(COLOURS)]
        marker = MARKERS[index % len(MARKERS)]
        line = LINES[index % len(LINES)]
        styles[name] = Style(colour, marker, line)
    return styles


def single(title: str, *, height: float = SIZE[1]) -> tuple[Figure, Axes]:
    """A figure with a title and one panel. height: in inches."""
    figure = Figure(figsize=(SIZE[0], height))
    axes = figure.subplots()
    titled(figure, title)
    return figure, axes


def titled(figure: Figure, title: str) -> None:
    """Put a title above a figure, broken into lines that fit its width."""
    width = figure.get_figwidth()
    letters = int(LETTERS_PER_INCH * width)
    lines = []
    for line in title.splitlines():
        lines.append(textwrap.fill(line, letters))
    figure.suptitle("\n".join(lines), fontsize=9)


def legend(axes: Axes) -> None:
    """Put a legend to the right of the axes."""
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def equivalence_band(axes: Axes, margin: float) -> None:
    """Mark a difference of zero, and the differences that count as equivalent. margin: points."""
    axes.axvspan(-margin, margin, color="#bbbbbb", alpha=0.5, lw=0)
    axes.axvline(0, color="black", lw=0.8)


def stem(text: str) -> str:
    """A file name of letters, digits, `-` and `_`, that every file system takes."""
    letters = []
    for letter in text:
        is_safe = letter.isalnum() or letter in "-_"
        letters.append(letter if is_safe else "-")
    return portable_name("".join(letters))


def files_of(picture: Picture) -> dict[str, bytes]:
    """The picture as PNG and SVG, by file name. The same figure gives the same bytes."""
    without_clock: dict[str, dict[str, Any]] = {
        "png": {"Software": None},
        "svg": {"Date": None, "Creator": None},
    }
    contents = {}
    with rc_context(LOOK), drawable(picture.figure):
        for ending, metadata in without_clock.items():
            file = io.BytesIO()
            FigureCanvasAgg(picture.figure)
            picture.figure.savefig(file, format=ending, dpi=DOTS_PER_INCH, metadata=metadata)
            contents[f"{picture.name}.{ending}"] = file.getvalue()
    return contents
