"""Verdicts say which of several similar questions they are of."""

import pandas as pd
import pytest

from fewshot_bench.leaderboard.columns import COMPARISON
from fewshot_bench.report.verdicts import sentences_of_differences, sentences_of_ranks
from tests.helpers.frames import DIFFERENT, board, board_row


@pytest.mark.parametrize("column", DIFFERENT)
def test_verdicts_say_what_differs(column: str):
    other, expected = DIFFERENT[column]
    table = board(board_row(0.85), board_row(0.4, **{column: other}))
    sentences = list(sentences_of_ranks(table))
    assert len(sentences) == 2
    comparison = pd.DataFrame(
        [
            board_row(0, reference="pixels", difference=0.1, p_holm=0.01, verdict="better"),
            board_row(0, reference="pixels", difference=0.1, p_holm=0.01, verdict="better")
            | {column: other},
        ],
        columns=COMPARISON,
    ).assign(margin=0.005)
    sentences += sentences_of_differences(comparison)
    for sentence, text in zip(sentences, [*expected, *expected], strict=True):
        assert text in sentence
