"""Methods from the most to the least accurate at one condition, with those that tie joined."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.columns import Ranking, condition_label
from fewshot_bench.report.figure import mark_chance, single, wrapped
from fewshot_bench.report.frames import percent, tie_letters_of, title_of
from fewshot_bench.report.labels import beside
from fewshot_bench.report.looks import Looks

__all__ = ["ranked_accuracies"]

ROW = 0.21  # inches
AROUND = 1.25  # inches of the figure above and below the rows
NUMBER = 0.42  # inches from the panel to the right end of the accuracies
FIRST_GROUP = 0.55  # inches from the panel
NEXT_GROUP = 0.11


def ranked_accuracies(ranking: Ranking, looks: Looks) -> Figure:
    """Accuracy of each method with its 95 % interval, the most accurate on top.

    The rows are those of the leaderboard at one condition. A line at the right joins methods that
    share a letter of `ties`: the test does not tell them apart. Methods without a result come last.
    """
    rows = ranking.rows.sort_values("accuracy", ascending=False, kind="stable")
    condition = condition_label(ranking.first)
    figure, axes = single(
        title_of(rows, ranking.differs),
        f"Accuracy, {condition}",
        height=AROUND + ROW * len(rows),
        names=rows["baseline"],
    )
    for position in range(len(rows)):
        part = rows.iloc[[position]]
        shown = percent(part, "accuracy")
        mark = looks[part["baseline"].iloc[0]].mark
        axes.errorbar(shown.middle, position, xerr=shown.lengths, **mark, elinewidth=1.4)
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first on top
    axes.set_yticks(range(len(rows)), rows["baseline"])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    chance = mark_chance(axes, 100 / ranking.first["ways"], is_upright=True)
    label = f"accuracy, %, with 95 % interval ({chance})"
    _write_accuracies(axes, rows)
    if _join_ties(axes, rows):
        label = f"{label}\na line at the right joins methods that are not shown to differ"
    figure.supxlabel(wrapped(label, figure), fontsize=9)
    return figure


def _write_accuracies(axes: Axes, rows: pd.DataFrame) -> None:
    for position, accuracy in enumerate(rows["accuracy"]):
        text = "no result" if np.isnan(accuracy) else f"{100 * accuracy:.1f}"
        axes.annotate(
            text,
            (1, position),
            xycoords=("axes fraction", "data"),
            xytext=(72 * NUMBER, 0),
            textcoords="offset points",
            ha="left" if np.isnan(accuracy) else "right",
            va="center",
        )


def _join_ties(axes: Axes, rows: pd.DataFrame) -> int:
    """Draw a line for each group of methods that tie, with a dot at each; the number of groups."""
    members: dict[str, list[int]] = {}
    for position, ties in enumerate(rows["ties"]):
        for letter in tie_letters_of(ties):
            members.setdefault(letter, []).append(position)
    groups = [positions for positions in members.values() if len(positions) > 1]
    place = beside(axes, axes.transData)
    for number, positions in enumerate(sorted(groups)):
        x = FIRST_GROUP + NEXT_GROUP * number
        axes.plot(
            [x] * len(positions),
            positions,
            "o-",
            color="#555555",
            lw=1.6,
            ms=3,
            transform=place,
            clip_on=False,
        )
    return len(groups)
