"""What is shown of a frame: the rows of one ranking, their order, and their question in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.leaderboard.columns import (
    BY_CONDITION,
    CONDITION,
    QUESTION,
    SPLITS_QUESTION,
    Ranking,
    condition_label,
    is_of_splits,
    question_text,
    rankings,
)

__all__ = [
    "Percent",
    "Question",
    "best_first",
    "by_question",
    "conditions_in_order",
    "of_most_shots",
    "percent",
    "questions",
    "references_of",
    "shift_of",
    "tie_letters_of",
    "title_of",
    "where",
]

Floats = npt.NDArray[np.float64]
CLASSES_LETTERS = 100  # of the names of the test classes, where those beside have the same
TIE_LETTER = re.compile(r"[a-zA-Z]|\(\d+\)")  # of the column `ties`; the 53rd group is (53)


def by_question(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows sorted by their question; those of one question stay in their order."""
    columns = [name for name in QUESTION if name in frame]
    return frame.sort_values(columns, kind="stable", key=_sortable)


def _sortable(column: pd.Series[str]) -> pd.Series[str]:
    """A column of numbers as it is, others as text: `queries` holds numbers and words."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    return column.astype(str)


@dataclass(frozen=True, eq=False)
class Question:
    """The rows that answer one question at all of its shot values or train sizes.

    of_splits: whether it is asked over every split of the classes of a data set.
    """

    ranking: Ranking
    of_splits: bool

    @property
    def rows(self) -> pd.DataFrame:
        """Its rows."""
        return self.ranking.rows

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from other questions, also of another frame of the same records."""
        first = self.ranking.first
        return tuple(str(first[name]) for name in (SPLITS_QUESTION if self.of_splits else QUESTION))

    @property
    def heading(self) -> str:
        """It in words."""
        return where(self.ranking)

    @property
    def at_most_shots(self) -> pd.DataFrame:
        """Its rows of the most shots or train images, the most accurate first."""
        rows = of_most_shots(self.rows)
        return rows.sort_values("accuracy", ascending=False, kind="stable")


def questions(frame: pd.DataFrame) -> Iterator[Question]:
    """The questions that the rows of a frame answer, those over all splits of the classes last."""
    if frame.empty:
        return
    ordered = by_question(frame)
    of_splits = is_of_splits(ordered)
    for ranking in rankings(ordered[~of_splits], QUESTION):
        yield Question(ranking, of_splits=False)
    for ranking in rankings(ordered[of_splits], SPLITS_QUESTION):
        yield Question(ranking, of_splits=True)


def conditions_in_order(rows: pd.DataFrame) -> list[str]:
    """The shot values or train sizes of rows, in words, from the smallest on."""
    ordered = rows.sort_values([*BY_CONDITION], kind="stable")
    return list(dict.fromkeys(map(condition_label, ordered.to_dict("records"))))


def tie_letters_of(ties: object) -> list[str]:
    """The letters in a cell of the column `ties`."""
    return TIE_LETTER.findall(ties) if isinstance(ties, str) else []


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
