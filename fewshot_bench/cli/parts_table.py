"""What decides, on the terminal: the parts of the spread in accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from fewshot_bench.cli.blocks import Block, Grid, Line
from fewshot_bench.cli.layout import Cells, heading, percent
from fewshot_bench.leaderboard.columns import CONDITION, condition_label, question_text, rankings
from fewshot_bench.leaderboard.parts import OF_QUESTION

__all__ = ["parts_blocks"]

HEADS = ("source", "levels", "compared", "spread", "share")
NOTE = (
    "Spread: how far apart two results are that differ in this source alone, in points, as a "
    "standard deviation. Share: its square, in % of that of any two results of the table; sources "
    "work together, so shares do not add up to 100."
)
INTERVAL_NOTES = {
    "split of the classes": "Intervals: 95 %, over other splits; splits share classes, so they "
    "are too narrow rather than too wide.",
    "training seed": "Intervals: 95 %, over other trainings of the same methods.",
    "": "No intervals: they need three splits or three training seeds.",
}


def parts_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """A table for each question and shot value or train size."""
    for ranking in rankings(frame, OF_QUESTION):
        row = ranking.first
        text = f"{row['dataset']}, {row['protocol']}: {question_text(row)}"
        for _, rows in ranking.rows.groupby(list(CONDITION), dropna=False, sort=False):
            condition = condition_label(rows.iloc[0].to_dict())
            yield Line(heading(f"{text}, {condition}", ranking))
            yield _grid(rows)
    if frame.empty:
        yield Line("no two results answer the same question, so there is nothing to part")
        return
    yield Line(NOTE)
    for unit in frame["unit"].unique():
        yield Line(INTERVAL_NOTES[unit])


def _grid(rows: pd.DataFrame) -> Grid:
    texts = []
    for row in rows.to_dict("records"):
        levels = "" if pd.isna(row["levels"]) else str(row["levels"])
        spread = _with_bounds(row, "spread")
        share = _with_bounds(row, "share")
        texts.append([row["source"], levels, str(row["comparisons"]), spread, share])
    return Grid(HEADS, texts)


def _with_bounds(row: Cells, name: str) -> str:
    middle = percent(row[name])
    if pd.isna(row[f"{name}_low"]):
        return middle
    low = percent(row[f"{name}_low"])
    high = percent(row[f"{name}_high"])
    return f"{middle} ({low} to {high})"
