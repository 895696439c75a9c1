"""Differences on the terminal: the interval that agrees with the verdict, and what is undecided."""

import pandas as pd

from fewshot_bench.cli import comparison_table
from fewshot_bench.leaderboard import columns
from tests.helpers.terminal import Row, names, shown

DIFFERENCE: Row = {
    "dataset": "steel",
    "protocol": "steel-heldout",
    "test_classes": "Cr | Sc | PS",
    "train_classes": "Pa | In",
    "preset": "quick",
    "ways": 3,
    "shots": 5,
    "queries": 15,
    "episode_seed": 0,
    "episodes_file": "",
    "group_by": "",
    "dataset_digest": "0" * 32,
    "baseline": "resnet",
    "reference": "pixels",
    "episodes": 2000,
    "seeds": 1,
    "reference_seeds": 1,
    "difference": 0.102,
    "low": 0.04,
    "high": 0.16,
    "level": 0.98,
    "ci95_low": 0.05,
    "ci95_high": 0.15,
    "kind": "images",
    "p": 0.0001,
    "p_holm": 0.02,
    "margin": 0.005,
    "verdict": "better",
    "would_decide": "",
}


def test_differences_stand_with_their_question_and_their_reference():
    rows = [
        DIFFERENCE,
        DIFFERENCE | {"baseline": "amp", "train_classes": "RS"},
        DIFFERENCE | {"baseline": "scl", "reference": "pixels@older"},
    ]
    frame = pd.DataFrame(rows, columns=list(columns.COMPARISON))
    text = shown(comparison_table.comparison_blocks, frame)
    assert sorted(names(text, 0)) == [["amp"], ["resnet"], ["scl"]]
    assert "steel-heldout: against pixels, 3-way" in text
    assert "steel-heldout: against pixels@older, 3-way" in text
    assert "trained on RS" in text
    assert "@older: made by older code of the method." in text
    assert names(text, 2)[0] == ["+10.2 [+4.0, +16.0]"], "the interval that agrees with the verdict"
    assert names(text, 3)[0] == ["[+5.0, +15.0]"]
    assert names(text, 4)[0] == ["< 0.001"]
    assert "Nothing is undecided." in text


def test_what_is_undecided_or_has_no_interval_says_so():
    undecided = DIFFERENCE | {"verdict": "undecided", "would_decide": "about 3.0 times the images"}
    none = dict.fromkeys(("low", "high", "ci95_low", "ci95_high", "p", "p_holm"), float("nan"))
    frame = pd.DataFrame([undecided, undecided | none], columns=list(columns.COMPARISON))
    text = shown(comparison_table.comparison_blocks, frame)
    assert names(text, 2)[0] == ["+10.2 [+4.0, +16.0]", "+10.2 (no interval)"]
    assert names(text, 4)[0] == ["< 0.001", "-"]
    assert "resnet against pixels at 5-shot: about 3.0 times the images" in text


def test_an_empty_comparison_says_so():
    frame = pd.DataFrame(columns=list(columns.COMPARISON))
    assert shown(comparison_table.comparison_blocks, frame) == "Nothing to compare.\n"
