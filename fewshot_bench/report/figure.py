"""What every figure shares: its style, its titles and its files."""

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
    "FORMATS",
    "LETTER",
    "LOOK",
    "SIZE",
    "Picture",
    "equivalence_band",
    "files_of",
    "mark_chance",
    "single",
    "stem",
    "titled",
    "wrapped",
]

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
    "pdf.fonttype": 42,  # TrueType: journals refuse the default, Type 3
    "svg.fonttype": "none",  # text stays text, and can be searched
    "svg.hashsalt": "fewshot-bench",  # else the ids in an SVG are random
    "text.parse_math": False,  # class names may hold dollar signs
}
SIZE = (6.4, 4.0)  # inches
LETTERS_PER_INCH = 14  # of a title
LETTER = 0.075  # inches, the width of one of a name
ROOM_FOR_NAMES = 1.3  # inches, of the usual width
TITLE_SPACE = 0.04  # inches above it
DOTS_PER_INCH = 200
PALE = "#666666"
WITHOUT_CLOCK: dict[str, dict[str, Any]] = {  # what else would change from call to call
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(WITHOUT_CLOCK)


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure and the name of its files, without their ending."""

    name: str
    figure: Figure


def single(
    question: str, shown: str = "", *, height: float = SIZE[1], names: Iterable[str] = ()
) -> tuple[Figure, Axes]:
    """A figure with titles, as `titled` writes them, and one panel.

    height: in inches; names: what stands beside the panel, for which the figure is wider.
    """
    longest = max(map(len, names), default=0)
    beyond = max(0.0, LETTER * longest - ROOM_FOR_NAMES)
    figure = Figure(figsize=(SIZE[0] + beyond, height))
    axes = figure.subplots()
    titled(figure, question, shown)
    return figure, axes


def titled(figure: Figure, question: str, shown: str = "") -> None:
    """Write what a figure shows above it, in bold, and below that the question that it answers.

    Both begin at the left edge; the question is broken into lines that fit the width.
    """
    text = wrapped(question, figure)
    style = {"fontsize": 8.5, "ha": "left", "x": 0.01}
    if not shown:
        figure.suptitle(text, **style)
        return
    figure.suptitle(f"\n{text}", color=PALE, **style)
    top = 1 - TITLE_SPACE / figure.get_figheight()
    figure.text(0.01, top, shown, va="top", fontsize=9.5, weight="bold")


def wrapped(text: str, figure: Figure) -> str:
    """A text in lines that fit the width of a figure."""
    letters = int(LETTERS_PER_INCH * figure.get_figwidth())
    lines = [textwrap.fill(line, letters) for line in text.splitlines()]
    return "\n".join(lines)


def mark_chance(axes: Axes, accuracy: float, *, is_upright: bool = False) -> str:
    """Draw a line at the accuracy of chance, where the marks drawn so far come near it.

    accuracy: percent; is_upright: accuracy is on the x axis. Returns a note for the label of the
    axis: what the line is, or where it would be.
    """
    low, high = axes.get_xlim() if is_upright else axes.get_ylim()
    note = f"chance: {accuracy:.3g}"
    if accuracy < low - (high - low) / 2:
        return note
    draw_line = axes.axvline if is_upright else axes.axhline
    draw_line(accuracy, color=PALE, ls=":", lw=1)
    axes.autoscale_view()  # it is in the panel, with the usual margin
    return f"{note}, dotted line"


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


def files_of(picture: Picture, formats: Iterable[str] = ("png", "svg")) -> dict[str, bytes]:
    """The picture in these formats, by file name. The same figure gives the same bytes.

    formats: of FORMATS.
    """
    contents = {}
    with rc_context(LOOK), drawable(picture.figure):
        for ending in formats:
            file = io.BytesIO()
            FigureCanvasAgg(picture.figure)
            metadata = WITHOUT_CLOCK[ending]
            picture.figure.savefig(file, format=ending, dpi=DOTS_PER_INCH, metadata=metadata)
            contents[f"{picture.name}.{ending}"] = file.getvalue()
    return contents
