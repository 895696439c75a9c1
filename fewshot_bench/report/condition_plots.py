"""Pictures of accuracy against what changes from condition to condition: shots or train size.

Accuracies are fractions in the frames and percent in the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fewshot_bench.leaderboard.columns import BY_CONDITION, Ranking, condition_label
from fewshot_bench.report.figure import SIZE, mark_chance, single
from fewshot_bench.report.frames import best_first, percent, shift_of, title_of
from fewshot_bench.report.labels import End, height_for, name_ends, set_apart
from fewshot_bench.report.looks import Look, Looks

__all__ = ["accuracy", "condition_labels"]

LOGARITHMIC = 10  # times the least condition, from which on the axis is logarithmic
SPREAD = 0.15  # at most, of the axis, for the marks of one condition beside each other


def condition_labels(rows: pd.DataFrame) -> pd.Series[str]:
    """What the condition of each row is called."""
    return pd.Series(map(condition_label, rows.to_dict("records")), index=rows.index)


def accuracy(ranking: Ranking, looks: Looks) -> Figure:
    """Accuracy against shots or train size, with 95 % intervals.

    A row without a result is a cross on the axis.
    """
    rows = ranking.rows.sort_values([*BY_CONDITION], kind="stable")
    parts = best_first(rows, "accuracy")
    shown_looks = set_apart([name for name, _ in parts], looks)
    axis = _condition_axis(rows)
    figure, axes = single(
        title_of(rows, ranking.differs),
        f"Accuracy by {axis.name}",
        height=height_for(len(parts), SIZE[1]),
        names=shown_looks,
    )
    ends = []
    for number, (name, part) in enumerate(parts):
        positions = axis.positions[part.index] + axis.distance * shift_of(number, len(parts))
        end = _line_of_accuracies(axes, name, part, positions, shown_looks[name])
        ends.append(end)
    axes.set_xticks(axis.ticks, axis.labels)
    has_missing = rows["accuracy"].isna().any()
    axes.set_xlabel(f"{axis.name} (cross: no result)" if has_missing else axis.name)
    chance = mark_chance(axes, 100 / ranking.first["ways"])
    axes.set_ylabel(f"accuracy, %, with 95 % interval\n{chance}".strip())
    name_ends(axes, ends)
    return figure


@dataclass(frozen=True, eq=False)
class _ConditionAxis:
    """Shot values or train sizes on an axis: linear, or logarithmic where they are far apart.

    positions: of each row; ticks and labels: of the conditions; distance: of two of them, over
    which the marks of one condition may be spread.
    """

    name: str
    positions: pd.Series[float]
    ticks: list[float]
    labels: list[str]
    distance: float


def _condition_axis(rows: pd.DataFrame) -> _ConditionAxis:
    is_share = rows["train_size"] < 1
    if rows["pairs"].notna().all():
        name = "pairs"
        values = rows["pairs"]
    elif rows["train_size"].isna().all():
        name = "shots"
        values = rows["shots"]
    elif is_share.all():
        name = "share of the images that are trained on, %"
        values = 100 * rows["train_size"]
    elif not is_share.any():
        name = "training images a class"
        values = rows["train_size"]
    else:
        # numbers and shares have no common scale: conditions stand beside each other, in order
        names = condition_labels(rows)
        order = list(names.unique())
        positions = names.map(order.index).astype(float)
        places = [float(place) for place in range(len(order))]
        return _ConditionAxis("training images", positions, places, order, 1.0)
    values = values.astype(float)
    different = np.unique(values)
    labels = [f"{value:g}" for value in different]
    is_wide = different[0] > 0 and different[-1] >= LOGARITHMIC * different[0]
    ticks = np.log10(different) if is_wide else different
    positions = values.map(np.log10) if is_wide else values
    steps = np.diff(ticks)
    distance = min(steps.min(), SPREAD * steps.sum())
    return _ConditionAxis(name, positions, list(ticks), labels, float(distance))


def _line_of_accuracies(
    axes: Axes, name: str, rows: pd.DataFrame, positions: pd.Series[float], look: Look
) -> End:
    """The accuracies of one row name, and a cross at each position without a result."""
    # errorbar leaves a gap in the line where a value is missing
    shown = percent(rows, "accuracy")
    axes.errorbar(
        positions.to_numpy(),
        shown.middle,
        shown.lengths,
        **look.mark,
        label=name,
        ls=look.line,
        lw=1.2,
        elinewidth=0.9,
        zorder=2 if look.is_grey else 3,
    )
    is_missing = np.isnan(shown.middle)
    if is_missing.any():
        missing = positions[is_missing]
        axes.plot(
            missing,
            np.zeros(len(missing)),
            "x",
            color=look.colour,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )
    if is_missing.all():
        return End(f"{name} (no result)", look)
    last = np.flatnonzero(~is_missing)[-1]
    return End(name, look, positions.iloc[last], shown.middle[last])
