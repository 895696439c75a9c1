"""What tables share: cells in percent, headings, notes below them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import pandas as pd

from fewshot_bench.cli.blocks import Line
from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.leaderboard.names import OLDER_CODE, OLDER_DATA

__all__ = [
    "Cells",
    "heading",
    "older_notes",
    "percent",
    "percent_with_interval",
    "test_classes_text",
]

Cells = dict[Hashable, Any]  # a row of a frame, by column
MOST_LOPSIDED = 0.25  # of half the width: with bounds further apart than that, +- would mislead
LEAST_SHIFT = 0.01  # a point
OLDER_NOTES = {
    OLDER_CODE: "made by older code of the method",
    OLDER_DATA: "made on an older version of the data set",
}
# a mark ends a name or stands before another one; the second older state has a 2 behind it
OLDER_MARK = re.compile(rf"({OLDER_DATA}|{OLDER_CODE})\d*(?=[@#]|$)")


def percent(share: float, *, missing: str = "missing", sign: str = "") -> str:
    """A share in percent, with `missing` in the place of NaN. sign: "+" shows it always."""
    if pd.isna(share):
        return missing
    return f"{100 * share:{sign}.1f}"


def percent_with_interval(
    share: float, low: float, high: float, *, missing: str = "missing", sign: str = ""
) -> str:
    """A share in percent, +- half the width of its interval.

    Its bounds where they lie at different distances; without an interval, it says so.
    """
    if pd.isna(share):
        return missing
    text = f"{100 * share:{sign}.1f}"
    if pd.isna(low):
        return f"{text} (no interval)"
    half_width = (high - low) / 2
    is_lopsided = abs(high + low - 2 * share) > max(LEAST_SHIFT, MOST_LOPSIDED * half_width)
    if is_lopsided:
        return f"{text} [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"
    return f"{text} +- {100 * half_width:.1f}"


def heading(text: str, ranking: Ranking) -> str:
    """The heading of a table, with what sets its question apart from those beside it."""
    if not ranking.differs:
        return text
    return f"{text}, {ranking.differs}"


def test_classes_text(ranking: Ranking) -> str:
    """The held-out classes of a few-shot ranking, unless they stand among what sets it apart."""
    row = ranking.first
    test_classes = row["test_classes"]
    if pd.notna(row["train_size"]) or f"tested on {test_classes}" in ranking.differs:
        return ""
    return f", tested on {test_classes}"


def older_notes(names: Iterable[str]) -> Iterator[Line]:
    """Explain the marks in these names of rows; see `row_names`."""
    marks: set[str] = set()
    for name in names:
        marks.update(OLDER_MARK.findall(name))
    for mark, text in OLDER_NOTES.items():
        if mark in marks:
            yield Line(f"{mark}: {text}.")
