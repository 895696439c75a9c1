"""Names at the right of a panel, each beside the end of its line, in the place of a legend."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import (
    BboxTransformTo,
    ScaledTranslation,
    Transform,
    blended_transform_factory,
)
from scipy.optimize import isotonic_regression

from fewshot_bench.report.looks import Look, Looks

__all__ = ["MOST_COLOURED", "End", "beside", "height_for", "name_ends", "name_series", "set_apart"]

MOST_COLOURED = 10  # series of a figure; a reader cannot follow more, and the rest is grey
GAP = 0.17  # inches from one name to the next
AROUND = 1.15  # inches of a figure that its panel does not have: titles and the x axis
HANDLE = (0.14, 0.27, 0.40)  # inches from the panel: a piece of the line, with its marker
TEXT = 0.47

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class End:
    """A name, and where its line ends: in data, or nowhere, if it has no line.

    has_line: whether marks are connected.
    """

    name: str
    look: Look
    x: float | None = None
    y: float | None = None
    has_line: bool = True


def set_apart(ordered: Iterable[str], looks: Looks) -> Looks:
    """The looks of a figure's series: in colour those that come first, the rest in grey."""
    shown: Looks = {}
    for number, name in enumerate(ordered):
        look = looks[name]
        shown[name] = look if number < MOST_COLOURED else look.in_grey(shown.values())
    return shown


def height_for(names: int, least: float) -> float:
    """Inches of a figure with so many names at its right."""
    return max(least, AROUND + GAP * names)


def beside(axes: Axes, heights: Transform) -> Transform:
    """Coordinates in inches from the right edge of a panel, and in those of `heights`."""
    right_edge = ScaledTranslation(1, 0, BboxTransformTo(axes.bbox))
    return blended_transform_factory(_root(axes).dpi_scale_trans + right_edge, heights)


def _root(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def name_ends(axes: Axes, ends: Sequence[End]) -> None:
    """Write the names at the right of a panel, those of the highest ends on top.

    Names without an end stand below the others, in the order given. A thin line leads from the end
    of a line to its name. The limits of the panel stay as they are from here on.
    """
    axes.autoscale(enable=False)
    gap = GAP / (_root(axes).get_figheight() - AROUND)
    wanted = [_fraction(axes, end) for end in ends]
    heights = _spread(np.asarray(wanted), gap)
    place = beside(axes, axes.transAxes)
    left, middle, right = HANDLE
    for end, at, height in zip(ends, wanted, heights, strict=True):
        if end.has_line:
            axes.add_line(
                _line(
                    [left, right], [height, height], place, color=end.look.colour, ls=end.look.line
                )
            )
        axes.add_line(_line([middle], [height], place, ls="none", **end.look.mark))
        axes.text(
            TEXT,
            height,
            end.name,
            transform=place,
            va="center",
            color="#666666" if end.look.is_grey else "black",
        )
        if end.x is not None:
            _lead(axes, end.x, at, height)


def name_series(axes: Axes, looks: Looks, *, has_line: bool = True) -> None:
    """Write the names of series at the right of a panel, from its top, in the order given.

    has_line: whether marks are connected.
    """
    _, top = axes.get_ylim()
    ends = [End(name, look, y=top, has_line=has_line) for name, look in looks.items()]
    name_ends(axes, ends)


def _fraction(axes: Axes, end: End) -> float:
    """The height of an end in the panel, from 0 to 1."""
    if end.y is None or np.isnan(end.y):
        return 0.0
    low, high = axes.get_ylim()
    return float((end.y - low) / (high - low))


def _spread(wanted: Floats, gap: float) -> Floats:
    """Heights as close as can be to those wanted (least squares), at least `gap` apart."""
    order = np.argsort(-wanted, kind="stable")
    steps = gap * np.arange(len(wanted))
    moved = isotonic_regression(wanted[order] + steps, increasing=False).x
    lowest = gap * (len(wanted) - 1)  # so that the last name is in the panel too
    in_panel = np.clip(moved, lowest, max(1.0, lowest))
    heights = np.empty(len(wanted))
    heights[order] = in_panel - steps
    return heights


def _lead(axes: Axes, x: float, at: float, height: float) -> None:
    """A thin line from the end of a line, over the edge of the panel, to the handle of its name."""
    low, high = axes.get_xlim()
    in_panel = (x - low) / (high - low)
    axes.plot(
        [in_panel, 1.0], [at, at], color="#cccccc", lw=0.5, transform=axes.transAxes, zorder=1
    )
    axes.add_line(
        _line([0.0, HANDLE[0]], [at, height], beside(axes, axes.transAxes), color="#cccccc", lw=0.5)
    )


def _line(x: Sequence[float], y: Sequence[float], place: Transform, **style: Any) -> Line2D:
    return Line2D(x, y, transform=place, clip_on=False, **{"lw": 1.2, **style})
