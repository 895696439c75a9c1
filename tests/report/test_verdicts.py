"""Verdicts: a matrix of signs, the sentences folded, and which of several questions they are of."""

import pandas as pd
import pytest

from fewshot_bench.leaderboard.columns import COMPARISON
from fewshot_bench.report.frames import questions
from fewshot_bench.report.verdicts import Verdict, Verdicts, against_reference, by_ties
from tests.helpers.frames import DIFFERENT, board, board_row


def compared(*rows: dict[str, object]) -> pd.DataFrame:
    whole = [board_row(0, reference="pixels", difference=0.1, p_holm=0.01) | row for row in rows]
    return pd.DataFrame(whole, columns=COMPARISON).assign(margin=0.005)


def of_only(frame: pd.DataFrame) -> Verdicts:
    (question,) = questions(frame)
    return against_reference(question)


def test_a_method_a_row_and_a_shot_value_a_column():
    found = of_only(
        compared(
            {"baseline": "a", "verdict": "worse", "difference": -0.2},
            {"baseline": "b", "verdict": "better"},
            {"baseline": "a", "verdict": "undecided", "shots": 5, "would_decide": "about 2 times"},
        )
    )
    assert found.conditions == ["1-shot", "5-shot"]
    assert found.lines == {
        "a": [Verdict("worse", "-20.0"), Verdict("undecided", "+10.0")],
        "b": [Verdict("better", "+10.0"), None],
    }
    assert found.kinds == ["better", "undecided", "worse"]
    assert found.details["1-shot"][0].startswith("a is worse than pixels (-20.0 points")
    assert found.details["5-shot"] == [
        "whether a or pixels is better is undecided (+10.0 points, no interval; p = 0.010): "
        "about 2 times."
    ]
    assert "pixels" in found.caption


def test_over_splits_verdicts_are_counted():
    rows = [
        {"baseline": "a", "verdict": verdict, "protocol": "steel-splits", "test_classes": classes}
        for verdict, classes in (("better", "x"), ("better", "y"), ("worse", "z"))
    ]
    found = of_only(compared(*rows))
    assert found.lines == {"a": [Verdict("", "\u25b2 2  \u25bc 1")]}
    assert list(found.details) == [f"1-shot, tested on {name}" for name in "xyz"]


def test_without_a_reference_methods_stand_beside_the_most_accurate_one():
    frame = board(
        board_row(0.9, baseline="a", ties="a", would_decide="between it and b: about 3 times"),
        board_row(0.8, baseline="b", ties="ab"),
        board_row(0.7, baseline="c", ties="b"),
    )
    (question,) = questions(frame)
    found = by_ties(question)
    assert found.lines == {
        "a": [Verdict("first", "90.0 %")],
        "b": [Verdict("tied", "-10.0")],
        "c": [Verdict("behind", "-20.0")],
    }
    assert found.details == {"1-shot": ["a, between it and b: about 3 times."]}


@pytest.mark.parametrize("column", DIFFERENT)
def test_verdicts_say_what_differs(column: str):
    other, expected = DIFFERENT[column]
    tables = [
        map(by_ties, questions(board(board_row(0.85), board_row(0.4, **{column: other})))),
        map(
            against_reference,
            questions(compared({"verdict": "better"}, {"verdict": "better", column: other})),
        ),
    ]
    for table in tables:
        headings = {verdicts.heading for verdicts in table}
        assert len(headings) == 2
        for text in expected:
            assert any(text in heading for heading in headings)
