"""Pictures of all splits of a data set's classes into train and test classes: a row a split.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.report.figure import (
    CHANCE_LINE,
    SIZE,
    Style,
    Styles,
    equivalence_band,
    legend,
    single,
    titled,
)
from fewshot_bench.report.frames import (
    OF_VERDICT,
    best_first,
    of_most_shots,
    percent,
    references_of,
    shift_of,
    title_of,
)

__all__ = ["accuracy_by_split", "differences_by_split"]

MOST_SPLITS = 60  # up to which a picture grows with the splits


def accuracy_by_split(ranking: Ranking, styles: Styles) -> Figure:
    """Accuracy at the most shots on each split with 95 % intervals, the hardest split first.

    A split without a mark has no result.
    """
    rows = of_most_shots(ranking.rows)
    splits = _lowest_first(rows, "accuracy")
    figure, axes = single(title_of(rows, ranking.differs), height=_height(splits))
    parts = best_first(rows, "accuracy")
    for number, (name, part) in enumerate(parts):
        positions = part["test_classes"].map(splits.index)
        shown = percent(part, "accuracy")
        axes.errorbar(
            shown.middle,
            positions + shift_of(number, len(parts)),
            xerr=shown.lengths,
            **styles[name].mark,
            label=name,
            ls="none",
            ms=4,
            elinewidth=0.8,
        )
    axes.axvline(100 / ranking.first["ways"], **CHANCE_LINE)
    _name_splits(axes, splits)
    axes.set_xlabel("accuracy, %, with 95 % interval")
    legend(axes)
    return figure


def differences_by_split(ranking: Ranking, styles: Styles) -> Figure:
    """Differences to the reference at the most shots on each split.

    A panel a baseline. A mark is filled where the verdict is better or worse; the intervals agree.
    """
    rows = of_most_shots(ranking.rows)
    splits = _lowest_first(rows, "difference")
    parts = best_first(rows, "difference")
    panels_width = 2.8 + 1.7 * len(parts)
    width = max(SIZE[0], panels_width)
    figure = Figure(figsize=(width, _height(splits)))
    panels = figure.subplots(1, len(parts), squeeze=False, sharex=True, sharey=True)[0]
    for axes, (name, part) in zip(panels, parts, strict=True):
        _mark_differences(axes, part, splits, styles[name])
        margin = 100 * part["margin"].max()
        equivalence_band(axes, margin)
        verdicts = part["verdict"].value_counts()
        better = verdicts.get("better", 0)
        worse = verdicts.get("worse", 0)
        axes.set_title(f"{name}\nbetter on {better}, worse on {worse}", fontsize=8)
    _name_splits(panels[0], splits)
    figure.supxlabel(
        "difference, points, with the interval of the verdict; filled: better or worse", fontsize=9
    )
    titled(figure, f"{title_of(rows, ranking.differs)}\nagainst {references_of(rows)}")
    return figure


def _mark_differences(axes: Axes, rows: pd.DataFrame, splits: list[str], style: Style) -> None:
    """The differences of one baseline, a mark a split."""
    for number in range(len(rows)):
        part = rows.iloc[[number]]
        row = part.iloc[0].to_dict()
        is_decided = row["verdict"] in ("better", "worse")
        shown = percent(part, "difference", OF_VERDICT)
        mark = style.mark | {
            "markeredgewidth": 0.6,
            "markerfacecolor": style.colour if is_decided else "white",
        }
        position = splits.index(row["test_classes"])
        axes.errorbar(shown.middle, position, xerr=shown.lengths, **mark, ms=5, elinewidth=0.8)


def _lowest_first(rows: pd.DataFrame, value: str) -> list[str]:
    """Splits by their mean of a column, the lowest first."""
    means = rows.groupby("test_classes")[value].mean()
    ordered = means.sort_values(kind="stable")
    return list(ordered.index)


def _height(splits: list[str]) -> float:
    """Inches of a picture with a row a split."""
    rows = min(len(splits), MOST_SPLITS)
    return 1.5 + 0.32 * rows


def _name_splits(axes: Axes, splits: list[str]) -> None:
    count = len(splits)
    axes.set_yticks(range(count), splits, fontsize=7)
    axes.set_ylabel("held-out classes")
    axes.set_ylim(count - 0.4, -0.6)  # the first split on top
