"""What is shown of a frame: the rows of one ranking, their order, and their question in words."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.leaderboard.columns import (
    CONDITION,
    QUESTION,
    Ranking,
    condition_label,
    question_text,
)

__all__ = [
    "Percent",
    "best_first",
    "by_question",
    "of_most_shots",
    "percent",
    "references_of",
    "shift_of",
    "title_of",
    "where",
]

Floats = npt.NDArray[np.float64]
CLASSES_LETTERS = 100  # of the names of the test classes, where those beside have the same


def by_question(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by their question; those of one question stay in their order."""
    columns = [name for name in QUESTION if name in frame]
    return frame.sort_values(columns, kind="stable", key=_sortable)


def _sortable(column: pd.Series[str]) -> pd.Series[str]:
    """A column of numbers as it is, others as text: `queries` holds numbers and words."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.astype(str)


def of_most_shots(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the most shots or, in a classification protocol, of the most train images."""
    is_few_shot = rows["train_size"].isna().all()
    condition = rows["shots"] if is_few_shot else rows["train_size"]
    is_most = condition == condition.max()
    return pd.DataFrame(rows[is_most])


def best_first(rows: pd.DataFrame, value: str) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each name, by the name's mean of `value` at the most shots: the highest first.

    Names without such a mean come last.
    """
    names = sorted(rows["baseline"].unique())
    at_most = of_most_shots(rows)
    means = at_most.groupby("baseline")[value].mean()
    ordered = means.reindex(names).sort_values(ascending=False, kind="stable", na_position="last")
    parts = []
    for name in ordered.index:
        is_own = rows["baseline"] == name
        parts.append((str(name), pd.DataFrame(rows[is_own])))
    return parts


def shift_of(number: int, count: int) -> float:
    """How far a mark is moved, so that the marks of `count` baselines lie beside each other.

    The distance between two conditions or splits is 1; the marks take half of it.
    """
    from_middle = number + 0.5 - count / 2
    return 0.5 * from_middle / count


Interval = tuple[str, str]  # the columns of its bounds
SINGLE: Interval = ("ci95_low", "ci95_high")
OF_VERDICT: Interval = ("low", "high")  # agrees with the verdict over all differences of a table


@dataclass(frozen=True, eq=False)
class Percent:
    """Values in percent, and the lengths of their intervals below and above them."""

    middle: Floats
    lengths: tuple[Floats, Floats]


def percent(rows: pd.DataFrame, value: str, interval: Interval = SINGLE) -> Percent:
    """A column of fractions, with the columns of its interval, in percent."""
    columns = rows[[value, *interval]]
    percents = 100 * columns.to_numpy(dtype=float)
    middle, low, high = percents.T
    below = middle - low
    above = high - middle
    return Percent(middle, (below, above))


def title_of(rows: pd.DataFrame, differs: str) -> str:
    """The title of a picture: the question that its rows answer.

    differs: what sets the question apart from those beside it, as in `Ranking`.
    """
    row = rows.iloc[0].to_dict()
    subject = row["protocol"]
    if not subject.startswith(row["dataset"]):
        subject = f"{row['dataset']}, {subject}"
    return f"{subject}: {_question(rows, differs)}"


def references_of(rows: pd.DataFrame) -> str:
    """What the rows of a comparison are compared with.

    It has several names where it is there with several numbers of episodes.
    """
    return ", ".join(rows["reference"].unique())


def where(ranking: Ranking) -> str:
    """The question of a ranking, for the start of a sentence."""
    row = ranking.first
    question = _question(ranking.rows, ranking.differs)
    return f"{row['dataset']}, {row['protocol']} ({question})"


def _question(rows: pd.DataFrame, differs: str) -> str:
    row = rows.iloc[0].to_dict()
    parts = [question_text(row)]
    conditions = rows[list(CONDITION)].drop_duplicates()
    labels = {condition_label(condition) for condition in conditions.to_dict("records")}
    if len(labels) == 1:
        parts += labels
    parts.append(f"preset {row['preset']}")
    test_classes = rows["test_classes"].unique()
    is_few_shot = pd.isna(row["train_size"])
    is_named_already = f"tested on {test_classes[0]}" in differs
    if len(test_classes) > 1:
        parts.append(f"{len(test_classes)} splits")
    elif is_few_shot and not is_named_already:
        shown = textwrap.shorten(test_classes[0], CLASSES_LETTERS)
        parts.append(f"tested on {shown}")
    if differs:
        parts.append(differs)
    return ", ".join(parts)
