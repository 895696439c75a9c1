"""Intervals that say nothing are marked, by what is known before any measurement."""

import pandas as pd
import pytest

from fewshot_bench.cli import tables
from fewshot_bench.leaderboard import columns
from fewshot_bench.leaderboard.doubt import doubt_notes, doubt_of
from tests.helpers.terminal import RESULT, Row, shown

WIDE: Row = {"accuracy": 0.6, "ci95_low": 0.099, "ci95_high": 0.999, "ci95_kind": "images+seeds"}
OF_SEEDS = WIDE | {"seeds": 2, "se_seeds": 0.1, "se_images": 0.02}
OF_IMAGES = WIDE | {"se_images": 0.2}
TOO_FEW: Row = {"ci95_kind": "too few trainings", "seeds": 2, "se_seeds": 0.1, "se_images": 0.02}


def frame_of(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame([RESULT | row for row in rows], columns=list(columns.LEADERBOARD))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, None),
        ({"ci95_low": None, "ci95_high": None}, None),
        (TOO_FEW, "trainings"),
        (OF_SEEDS, "width"),
        # of three classes, 95 % of the range from 1/3 to 1 is 0.633
        ({"ci95_low": 0.3, "ci95_high": 0.93}, None),
        ({"ci95_low": 0.3, "ci95_high": 0.94}, "width"),
        # of two classes 0.475; with four known classes beside three, 0.814
        ({"ci95_low": 0.3, "ci95_high": 0.8, "ways": 2}, "width"),
        ({"ci95_low": 0.1, "ci95_high": 0.9, "known_classes": "a | b | c | d"}, None),
        ({"ci95_low": 0.1, "ci95_high": 0.92, "known_classes": "a | b | c | d"}, "width"),
        # "all" are the two train classes: 0.76
        ({"ci95_low": 0.1, "ci95_high": 0.87, "known_classes": "all"}, "width"),
    ],
)
def test_an_interval_says_nothing_if_it_is_as_wide_as_what_is_known_before(
    row: Row, expected: str | None
):
    assert doubt_of(frame_of(row).iloc[0].to_dict()) == expected


def test_the_note_says_what_would_help():
    (of_seeds,) = doubt_notes(frame_of(OF_SEEDS))
    assert of_seeds.endswith("give --seeds 3 or more.")
    (of_four,) = doubt_notes(frame_of(OF_SEEDS | {"seeds": 4}))
    assert of_four.endswith("give --seeds 5 or more.")
    (of_runs,) = doubt_notes(frame_of(OF_SEEDS | {"train_size": 10.0}))
    assert of_runs.endswith("give --runs 3 or more.")
    (of_images,) = doubt_notes(frame_of(OF_IMAGES))
    assert of_images.endswith("it takes more images of each class.")
    assert list(doubt_notes(frame_of({}))) == []


def test_the_sign_stands_in_the_cell_and_is_explained_once():
    text = shown(tables.leaderboard_blocks, frame_of(TOO_FEW, TOO_FEW | {"baseline": "amp"}))
    assert text.count("70.0 +- 10.0 (?)") == 2
    assert text.count("2 trainings that differ so much say nothing about others") == 1
    assert "(?)" not in shown(tables.leaderboard_blocks, frame_of({}))
