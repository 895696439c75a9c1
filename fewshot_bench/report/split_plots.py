"""Pictures of all splits of a data set's classes into train and test classes: a row a split.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.report.figure import (
    SIZE,
    equivalence_band,
    mark_chance,
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
from fewshot_bench.report.labels import name_series, set_apart
from fewshot_bench.report.looks import Look, Looks

__all__ = ["accuracy_by_split", "differences_by_split"]

MOST_SPLITS = 60  # up to which a picture grows with the splits
ACROSS = 5  # panels of differences beside each other
PANEL = 1.6  # inches, its width
LETTER = 0.065  # inches, of the names of splits


def accuracy_by_split(ranking: Ranking, looks: Looks) -> Figure:
    """Accuracy at the most shots on each split with 95 % intervals, the hardest split first.

    A split without a mark has no result.
    """
    rows = of_most_shots(ranking.rows)
    splits = _lowest_first(rows, "accuracy")
    parts = best_first(rows, "accuracy")
    shown_looks = set_apart([name for name, _ in parts], looks)
    height = 1.5 + 0.32 * _shown(splits)
    figure, axes = single(
        title_of(rows, ranking.differs),
        "Accuracy on each split of the classes",
        height=height,
        names=[max(splits, key=len) + max(shown_looks, key=len)],
    )
    for number, (name, part) in enumerate(parts):
        positions = part["test_classes"].map(splits.index)
        shown = percent(part, "accuracy")
        axes.errorbar(
            shown.middle,
            positions + shift_of(number, len(parts)),
            xerr=shown.lengths,
            **shown_looks[name].mark,
            label=name,
            ls="none",
            elinewidth=0.8,
        )
    chance = mark_chance(axes, 100 / ranking.first["ways"], is_upright=True)
    _name_splits(axes, splits)
    figure.supxlabel(f"accuracy, %, with 95 % interval ({chance})", fontsize=9)
    name_series(axes, shown_looks, has_line=False)
    return figure


def differences_by_split(ranking: Ranking, looks: Looks) -> Figure:
    """Differences to the reference at the most shots on each split.

    A panel a baseline; those of one line have the same scale. A mark is filled where the verdict is
    better or worse; the intervals agree.
    """
    rows = of_most_shots(ranking.rows)
    splits = _lowest_first(rows, "difference")
    parts = best_first(rows, "difference")
    across = min(ACROSS, len(parts))
    lines = math.ceil(len(parts) / across)
    names_width = LETTER * max(map(len, splits))
    width = max(SIZE[0], names_width + 0.4 + PANEL * across)
    height = 1.0 + lines * (0.6 + 0.2 * _shown(splits))
    figure = Figure(figsize=(width, height))
    panels = figure.subplots(lines, across, squeeze=False, sharex="row", sharey=True)
    for axes, (name, part) in zip(panels.flat, parts, strict=False):
        _mark_differences(axes, part, splits, looks[name])
        margin = 100 * part["margin"].max()
        equivalence_band(axes, margin)
        verdicts = part["verdict"].value_counts()
        better = verdicts.get("better", 0)
        worse = verdicts.get("worse", 0)
        axes.set_title(f"{name}\nbetter on {better}, worse on {worse}", fontsize=8)
    for axes in panels[:, 0]:
        _name_splits(axes, splits)
    for axes in panels.flat[len(parts) :]:
        axes.set_visible(False)
    figure.supxlabel(
        "difference, points, with the interval of the verdict; filled: better or worse", fontsize=9
    )
    titled(
        figure,
        title_of(rows, ranking.differs),
        f"Difference to {references_of(rows)} on each split of the classes",
    )
    return figure


def _mark_differences(axes: Axes, rows: pd.DataFrame, splits: list[str], look: Look) -> None:
    """The differences of one baseline, a mark a split."""
    for number in range(len(rows)):
        part = rows.iloc[[number]]
        row = part.iloc[0].to_dict()
        is_decided = row["verdict"] in ("better", "worse")
        filled = dataclasses.replace(look, fill="full" if is_decided else "none")
        shown = percent(part, "difference", OF_VERDICT)
        position = splits.index(row["test_classes"])
        axes.errorbar(shown.middle, position, xerr=shown.lengths, **filled.mark, elinewidth=0.8)


def _lowest_first(rows: pd.DataFrame, value: str) -> list[str]:
    """Splits by their mean of a column, the lowest first."""
    means = rows.groupby("test_classes")[value].mean()
    ordered = means.sort_values(kind="stable")
    return list(ordered.index)


def _shown(splits: list[str]) -> int:
    """Rows that a picture grows with."""
    return min(len(splits), MOST_SPLITS)


def _name_splits(axes: Axes, splits: list[str]) -> None:
    count = len(splits)
    axes.set_yticks(range(count), splits, fontsize=7)
    axes.set_ylim(count - 0.4, -0.6)  # the first split on top
