"""Ranks count rows that are not shown, and a note names them."""

import pandas as pd

from fewshot_bench.leaderboard import columns
from fewshot_bench.leaderboard.selection import rank_notes
from tests.helpers.terminal import RESULT, Row


def notes(shown: list[str], *rows: Row) -> list[str]:
    frame = pd.DataFrame([RESULT | row for row in rows], columns=list(columns.LEADERBOARD))
    return list(rank_notes(frame, frame["baseline"].isin(shown)))


def test_rows_of_the_same_question_and_condition_that_are_not_shown_are_named():
    rows: list[Row] = [
        {"baseline": "amp"},
        {"baseline": "scl", "rank": 2},
        {"baseline": "failed", "rank": None},
        {"baseline": "elsewhere", "protocol": "steel-other"},
        {"baseline": "at_1", "shots": 1},
    ]
    (note,) = notes(["scl"], *rows)
    assert "also amp, which" in note
    assert notes(["scl", "amp"], *rows) == []


def test_of_many_the_first_are_named():
    rows: list[Row] = [{"baseline": name} for name in "abcdefg"]
    (note,) = notes(["g"], *rows)
    assert "also a, b, c, d and 2 more," in note
