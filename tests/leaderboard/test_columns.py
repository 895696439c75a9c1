"""Rows of different questions are different rankings, and each says what sets it apart."""

import pandas as pd
import pytest

from fewshot_bench.leaderboard.columns import (
    COMPARISON,
    CONFUSION,
    EPISODES,
    LEADERBOARD,
    QUESTION,
    WIDE_BACK,
    WIDE_FRONT,
    rankings,
)

ROW = {
    "dataset": "neu",
    "dataset_digest": "0" * 32,
    "protocol": "neu-custom",
    "preset": "quick",
    "ways": 3,
    "queries": 15,
    "episode_seed": 0,
    "episodes_file": "",
    "group_by": "",
    "train_classes": "Pa | In",
    "test_classes": "Cr | Sc | PS",
    "baseline": "pixels",
}


def frame(**changes: object) -> pd.DataFrame:
    """Two rows, of which the second has these changes."""
    return pd.DataFrame([ROW, {**ROW, "baseline": "untrained", **changes}])


def test_rows_of_one_question_are_one_ranking():
    (ranking,) = rankings(frame())
    assert ranking.rows["baseline"].tolist() == ["pixels", "untrained"]
    assert ranking.differs == ""


@pytest.mark.parametrize(
    ("changes", "first", "second"),
    [
        ({"train_classes": "Pa | RS"}, "trained on Pa | In", "trained on Pa | RS"),
        ({"test_classes": "Pa"}, "tested on Cr | Sc | PS", "tested on Pa"),
        ({"episode_seed": 1}, "episode seed 0", "episode seed 1"),
        ({"dataset_digest": "1" * 32}, "data digest 000000000000", "data digest 111111111111"),
        ({"episodes_file": "a.npz"}, "episodes from the protocol", "episodes from a.npz"),
        ({"group_by": "plate"}, "grouped by nothing", "grouped by plate"),
    ],
)
def test_what_sets_two_questions_apart_is_said(changes: dict[str, object], first: str, second: str):
    assert [ranking.differs for ranking in rankings(frame(**changes))] == [first, second]


@pytest.mark.parametrize("changes", [{"preset": "paper"}, {"ways": 2}, {"queries": "all"}])
def test_what_every_heading_says_parts_rankings_too(changes: dict[str, object]):
    assert [ranking.differs for ranking in rankings(frame(**changes))] == ["", ""]


@pytest.mark.parametrize("columns", [LEADERBOARD, COMPARISON, CONFUSION, EPISODES])
def test_every_table_that_is_shown_has_the_columns_of_a_question(columns: tuple[str, ...]):
    assert set(QUESTION) <= set(columns)


def test_no_table_has_a_column_twice():
    for columns in (LEADERBOARD, COMPARISON, CONFUSION, EPISODES, (*WIDE_FRONT, *WIDE_BACK)):
        assert len(set(columns)) == len(columns)
