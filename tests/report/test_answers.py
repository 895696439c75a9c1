"""The answer of a question in three sentences."""

import numpy as np
import pandas as pd
import pytest

from fewshot_bench.report.answers import answer
from fewshot_bench.report.frames import questions
from tests.helpers.frames import board, board_row


def told(*rows: dict[str, object], comparison: pd.DataFrame | None = None) -> list[str]:
    (question,) = questions(board(*rows))
    return answer(question, comparison)


def test_the_leader_its_ties_and_fewer_shots():
    sentences = told(
        board_row(0.5, baseline="a", shots=1),
        board_row(0.6, baseline="b", shots=1),
        board_row(0.9, baseline="a", shots=5, ties="a"),
        board_row(0.85, baseline="b", shots=5, ties="ab"),
        board_row(0.7, baseline="c", shots=5, ties="b"),
        board_row(np.nan, baseline="d", shots=5, status="failed"),
    )
    assert sentences == [
        "a is the most accurate of 3 methods (1 more without a result) at 5-shot: 90.0 %, "
        "95 % interval 80.0 to 100.0; chance is 50.0 %.",
        "b (85.0 %) is not shown to differ from it; it is significantly better than the other one.",
        "At 1-shot b leads with 60.0 %.",
    ]


def test_one_that_leads_everywhere():
    sentences = told(
        board_row(0.8, baseline="a", shots=1),
        board_row(0.9, baseline="a", shots=5, ties="a"),
        board_row(0.7, baseline="b", shots=5, ties="b"),
    )
    assert sentences[1:] == [
        "It is significantly better than the other one.",
        "It leads too at 1-shot (80.0 %).",
    ]


def test_against_a_reference():
    comparison = pd.DataFrame(
        [
            {"shots": 1, "train_size": np.nan, "reference": "r", "verdict": verdict}
            for verdict in ("worse", "better", "worse", "undecided")
        ]
    )
    sentences = told(
        board_row(0.9, baseline="a", ties="a"),
        board_row(0.8, baseline="r", ties="b"),
        comparison=comparison,
    )
    assert sentences[2] == "Against r at 1-shot: 1 better, 1 undecided, 2 worse."


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([board_row(0.9)], "hist has 90.0 % at 1-shot"),
        ([board_row(np.nan, status="failed")], "No method has a result."),
    ],
)
def test_little_to_tell(rows: list[dict[str, object]], expected: str):
    assert told(*rows)[0].startswith(expected)


def test_over_splits_the_mean_decides():
    rows = []
    # of four classes two are tested: six splits
    classes = ("v", "w", "x", "y")
    splits = [(a, b) for a in classes for b in classes if a < b]
    for number, test in enumerate(splits):
        train = [name for name in classes if name not in test]
        shared = {
            "encoder": "resnet18",
            "known_classes": "",
            "open_set": False,
            "episodes": 10,
            "protocol": "steel-splits",
            "test_classes": " | ".join(test),
            "train_classes": " | ".join(train),
        }
        rows.append(board_row(0.9 - 0.01 * number, baseline="a", **shared))
        rows.append(board_row(0.8 if number else 0.95, baseline="b", **shared))
    sentences = told(*rows)
    assert sentences[0] == (
        "a has the highest mean of 2 methods over all 6 splits of the classes at 1-shot: 87.5 %, "
        "in the worst split 85.0 %."
    )
    assert sentences[1] == "It is the most accurate in 5 of 6 splits."
    assert "Next is b with 82.5 %" in sentences[2]


def test_a_leader_that_needs_all_queries_at_once_is_marked():
    rows = [
        board_row(0.9, baseline="frozen+pt_map", transductive=True),
        board_row(0.8, baseline="frozen", transductive=False),
    ]
    assert told(*rows)[0].startswith("frozen+pt_map (transductive) is the most accurate of 2")
    assert told(rows[1])[0].startswith("frozen has 80.0 %")
