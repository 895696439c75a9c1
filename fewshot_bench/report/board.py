"""The table of the report page: a row a method, a column a shot value or train size."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fewshot_bench.leaderboard.columns import METHOD, OF_SPLIT, condition_label, rankings
from fewshot_bench.leaderboard.tables import splits
from fewshot_bench.report.frames import Question, conditions_in_order, tie_letters_of, where

__all__ = ["Board", "Cell", "Line", "boards", "text_of"]

Row = Mapping[Hashable, Any]


@dataclass(frozen=True)
class Cell:
    """What a method has at one condition. Numbers are in percent.

    key: of its details, empty where there are none; ties: letters of the groups that it is in.
    """

    text: str
    beside: str = ""
    number: float | None = None
    rank: int | None = None
    ties: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Line:
    """A method with its cells by condition; `""` and `no` where something does not apply."""

    name: str
    rule: str
    encoder: str
    trainings: str
    marks: str
    cells: Mapping[str, Cell]

    def order(self, condition: str) -> tuple[float, float, str]:
        """What lines are sorted by: rank, then accuracy at a condition, the highest first."""
        cell = self.cells.get(condition)
        if cell is None or cell.number is None:
            return (1, 0, self.name)
        return (0, -cell.number, self.name)


@dataclass(frozen=True)
class Board:
    """The table of one question. conditions: its columns; about: what its numbers are."""

    heading: str
    dataset: str
    conditions: list[str]
    lines: list[Line]
    about: str = ""

    @property
    def last(self) -> str:
        """The condition that it is sorted by: of the most shots or train images."""
        return self.conditions[-1]


def boards(question: Question) -> Iterator[Board]:
    """The table of a question; over all splits of the classes that of the means comes first."""
    if not question.of_splits:
        yield _board(question.rows, question.heading)
        return
    yield _board_of_means(question)
    for ranking in rankings(question.rows):
        yield _board(ranking.rows, where(ranking))


def _board(rows: pd.DataFrame, heading: str) -> Board:
    lines = []
    # rows that differ in nothing stay apart, as two lines
    labels = [condition_label(row) for row in rows.to_dict("records")]
    numbered = rows.assign(column=labels)
    method = [*METHOD, "column"]
    numbered["again"] = numbered.groupby(method, dropna=False).cumcount()
    for _, part in numbered.groupby([*METHOD, "again"], sort=False, dropna=False):
        of_method = part.to_dict("records")
        cells = {row["column"]: _cell(row) for row in of_method}
        lines.append(_line(of_method[0], cells))
    return _sorted(heading, rows, lines)


def _sorted(heading: str, rows: pd.DataFrame, lines: list[Line], about: str = "") -> Board:
    conditions = conditions_in_order(rows)
    lines.sort(key=lambda line: line.order(conditions[-1]))
    return Board(heading, str(rows.iloc[0]["dataset"]), conditions, lines, about)


def _line(row: Row, cells: Mapping[str, Cell]) -> Line:
    trainings = "" if pd.isna(row.get("seeds")) else str(row["seeds"])
    marks = []
    if row.get("transductive") is True:
        marks.append("transductive")
    if isinstance(row.get("note"), str) and row["note"]:
        marks.append("see note")
    return Line(
        name=str(row["baseline"]),
        rule=text_of(row.get("rule")),
        encoder=text_of(row["encoder"]),
        trainings=trainings,
        marks=", ".join(marks),
        cells=cells,
    )


def text_of(value: object) -> str:
    """The name in a cell of a table, `none` for an empty one."""
    return value if isinstance(value, str) and value else "none"


def _cell(row: Row) -> Cell:
    if pd.isna(row["accuracy"]):
        return Cell(str(row["status"]), key=_key(row))
    interval = "no interval"
    if pd.notna(row["ci95_low"]):
        interval = f"{100 * row['ci95_low']:.1f} to {100 * row['ci95_high']:.1f}"
    percent = 100 * row["accuracy"]
    return Cell(
        f"{percent:.1f}",
        interval,
        percent,
        None if pd.isna(row["rank"]) else int(row["rank"]),
        tuple(tie_letters_of(row["ties"])),
        _key(row),
    )


def _key(row: Row) -> str:
    return row["key"] if isinstance(row["key"], str) else ""


def _board_of_means(question: Question) -> Board:
    """The mean over all splits of the classes, with the worst split."""
    means = splits(question.rows)
    number = question.rows.drop_duplicates([*OF_SPLIT]).shape[0]
    lines = []
    for _, part in means.groupby([*METHOD], sort=False, dropna=False):
        cells = {}
        for row in part.to_dict("records"):
            label = f"{row['shots']}-shot"
            cells[label] = Cell(f"{row['splits']} of {row['of']} splits")
            if pd.notna(row["accuracy"]):
                percent = 100 * row["accuracy"]
                cells[label] = Cell(f"{percent:.1f}", f"worst {100 * row['worst']:.1f}", percent)
        lines.append(_line(part.iloc[0].to_dict(), cells))
    about = (
        f"Mean over {number} splits of the classes. Splits share classes and images, so there is "
        "no interval over them; each split has its own table below."
    )
    return _sorted(question.heading, question.rows, lines, about)
