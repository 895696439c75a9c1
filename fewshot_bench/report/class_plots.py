"""Pictures of single classes: their recall, and what they were taken for.

Shares are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.report.figure import LETTER, SIZE, titled
from fewshot_bench.report.frames import best_first, of_most_shots, title_of

__all__ = ["class_recalls", "confusions"]

MOST_WRITTEN = 12  # classes of a confusion that has numbers; of more a colour bar tells
MOST_ACROSS = 12  # classes beside each other in a table of recalls; more stand below each other
WIDEST = 11.0  # inches of panels of confusions beside each other
# without the darkest third, on which nothing can be read
SHADES = ListedColormap(colormaps["Blues"](np.linspace(0, 0.67, 256)))
WRITTEN_FIELD = 0.4  # inches, of a share that is written
FIELD = 0.16  # inches, of one that is not


def class_recalls(ranking: Ranking) -> Figure:
    """Recall of each class at the most shots or train images: a table of methods and classes.

    The method with the highest mean recall comes first.
    """
    rows = of_most_shots(_of_right_predictions(ranking.rows))
    names = [name for name, _ in best_first(rows, "share")]
    table = _shares(rows, "baseline", "class").loc[names]
    if len(table.columns) > MOST_ACROSS:
        table = table.T
    left, below = _room(table)
    width = max(SIZE[0], WRITTEN_FIELD * len(table.columns) + left + 0.3)
    is_narrow = below > (width - left) / len(table.columns)
    height = 0.22 * len(table) + (below if is_narrow else 0.2) + 0.8
    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    _draw_table(axes, table, letters=8)
    if not is_narrow:
        axes.tick_params(axis="x", labelrotation=0)
    _write_shares(axes, table, letters=8)
    axes.set_aspect("auto")
    titled(figure, title_of(rows, ranking.differs), "Recall of each class, %")
    return figure


def _of_right_predictions(confusion: pd.DataFrame) -> pd.DataFrame:
    """The rows of a confusion whose share is the recall of a class."""
    is_right = confusion["class"] == confusion["predicted"]
    return pd.DataFrame(confusion[is_right])


def _shares(rows: pd.DataFrame, index: str, columns: str) -> pd.DataFrame:
    """A table of shares; names of rows and columns are in the order of the frame.

    Raises `ValueError` where two rows have one name: their shares are never averaged.
    """
    table = rows.pivot(index=index, columns=columns, values="share")
    return table.reindex(rows[index].unique(), columns=rows[columns].unique())


def _room(table: pd.DataFrame) -> tuple[float, float]:
    """Inches for the names at the left of a table, and for those below it."""
    left = LETTER * max(map(len, table.index))
    below = LETTER * max(map(len, table.columns))
    return left, below


def confusions(ranking: Ranking) -> Figure:
    """What each class was taken for at the most shots or train images, in % of the class.

    A panel a baseline, all in the same colours; the one with the highest mean recall comes first.
    """
    rows = of_most_shots(ranking.rows)
    classes = list(rows["class"].unique())
    # what pictures were taken for may be no class too: none of these
    taken_for = [*classes, *(name for name in rows["predicted"].unique() if name not in classes)]
    names = [name for name, _ in best_first(_of_right_predictions(rows), "share")]
    tables = {}
    for name in names:
        shares = _shares(pd.DataFrame(rows[rows["baseline"] == name]), "class", "predicted")
        tables[name] = shares.reindex(classes, columns=taken_for, fill_value=0.0)
    has_numbers = len(classes) <= MOST_WRITTEN
    field = WRITTEN_FIELD if has_numbers else FIELD
    side = max(field * len(taken_for), LETTER * max(map(len, names))) + 0.25
    columns = min(max(1, int(WIDEST / side)), len(names))
    lines = math.ceil(len(names) / columns)
    # names stand once, left of all panels and below them
    left, below = _room(tables[names[0]])
    bar = 0.0 if has_numbers else 0.8
    width = max(SIZE[0], columns * side + left + bar + 0.2)
    height = lines * (field * len(classes) + 0.4) + below + 0.9
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    letters = 8 if has_numbers else 6
    for axes, (name, table) in zip(panels.flat, tables.items(), strict=False):
        image = _draw_table(axes, table, letters)
        axes.set_title(name, fontsize=9)
        if has_numbers:
            _write_shares(axes, table, letters)
    if not has_numbers:
        figure.colorbar(image, ax=panels, shrink=0.4, label="%")
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    titled(
        figure,
        title_of(rows, ranking.differs),
        "What each class (a row) was taken for (a column), % of the class",
    )
    return figure


def _draw_table(axes: Axes, shares: pd.DataFrame, letters: float) -> AxesImage:
    """Shares as fields of a shade, with the names beside them. letters: size of the names."""
    image = axes.imshow(100 * shares, cmap=SHADES, vmin=0, vmax=100)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks(range(len(shares.columns)), shares.columns, rotation=90, fontsize=letters)
    axes.set_yticks(range(len(shares)), shares.index, fontsize=letters)
    axes.tick_params(length=0)
    return image


def _write_shares(axes: Axes, shares: pd.DataFrame, letters: float) -> None:
    """Write each share into its field, in percent; a zero is pale."""
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        if np.isnan(share):
            continue
        text = f"{100 * share:.0f}"
        colour = "white" if share > 0.75 else "black"
        if text == "0":
            colour = "#aaaaaa"
        axes.annotate(text, (column, row), ha="center", va="center", color=colour, fontsize=letters)
