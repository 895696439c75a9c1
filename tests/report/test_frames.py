"""The order of what is drawn."""

import numpy as np

from fewshot_bench.report.frames import best_first
from tests.helpers.frames import board, board_row


def test_the_best_at_the_most_shots_comes_first_and_what_has_no_result_last():
    table = board(
        board_row(0.9, baseline="early"),
        board_row(0.5, baseline="early", shots=5),
        board_row(0.3, baseline="late"),
        board_row(0.6, baseline="late", shots=5),
        board_row(np.nan, baseline="broken", shots=5),
        board_row(0.8, baseline="asked once"),
    )
    names = [name for name, _ in best_first(table, "accuracy")]
    assert names == ["late", "early", "asked once", "broken"]
