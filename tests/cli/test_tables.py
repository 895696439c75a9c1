"""Tables on the terminal: one for each question, the best row first, and they fit."""

import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.cli import tables
from fewshot_bench.leaderboard import columns
from tests.helpers.runs import run
from tests.helpers.terminal import RESULT, Row, names, shown

# for each column of a question another value, and what the heading then says
OTHER_QUESTIONS = {
    "dataset": ("iron", "iron, steel-heldout"),
    "dataset_digest": ("f" * 32, "data digest ffffffffffff"),
    "protocol": ("steel-other", "steel, steel-other"),
    "preset": ("paper", "preset paper"),
    "ways": (2, "2-way"),
    "queries": ("all", "all queries a class"),
    "episode_seed": (7, "episode seed 7"),
    "episodes_file": ("mine.npz", "episodes from mine.npz"),
    "group_by": ("plate", "grouped by plate"),
    "train_classes": ("RS", "trained on RS"),
    "test_classes": ("Cr | Sc | RS", "tested on Cr | Sc | RS"),
    "known_classes": ("all", "known classes: all"),
    "open_set": (True, "open set"),
    "unlabelled": ("0.5", "50 % of the train images without labels"),
}


def leaderboard(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame([RESULT | row for row in rows], columns=list(columns.LEADERBOARD))


@pytest.mark.parametrize("column", OTHER_QUESTIONS)
def test_rows_of_different_questions_stand_in_different_tables(column: str):
    value, expected = OTHER_QUESTIONS[column]
    other: Row = {"baseline": "protonet", column: value}
    text = shown(tables.leaderboard_blocks, leaderboard({}, other))
    assert names(text) == [["resnet"], ["protonet"]]
    headings = [line for line in text.splitlines() if line.startswith(("steel,", "iron,"))]
    assert headings[0] != headings[1]
    assert expected in headings[1]


def test_the_columns_of_a_question_are_all_tried():
    assert set(OTHER_QUESTIONS) == set(columns.QUESTION)


def test_one_question_has_one_table_and_a_heading_without_what_all_share():
    text = shown(tables.leaderboard_blocks, leaderboard({}, {"baseline": "protonet"}))
    assert names(text) == [["protonet", "resnet"]]
    heading = text.splitlines()[0]
    assert heading.endswith("2000 episodes, preset quick, encoder resnet18, tested on Cr | Sc | PS")


def test_the_test_classes_are_named_once():
    text = shown(tables.leaderboard_blocks, leaderboard({}, {"test_classes": "RS"}))
    assert text.splitlines()[0].count("Cr | Sc | PS") == 1


def test_rows_of_one_rank_come_by_accuracy_in_the_last_column():
    frame = leaderboard(
        {"baseline": "amp", "accuracy": 0.652},
        {"baseline": "scl_amp", "accuracy": 0.763},
        {"baseline": "scl_amp", "accuracy": 0.5, "shots": 1},
        {"baseline": "amp", "accuracy": 0.9, "shots": 1},
        {"baseline": "broken", "rank": None, "accuracy": None, "status": "failed"},
        {"baseline": "pixels", "accuracy": 0.8, "rank": 2},
        {"baseline": "only_one", "accuracy": 0.99, "shots": 1},
    )
    text = shown(tables.leaderboard_blocks, frame)
    assert names(text) == [["scl_amp", "amp", "pixels", "broken", "only_one"]]
    assert names(text, 0) == [["1", "1", "2", "-", "-"]]
    assert "failed" in text
    assert "missing" in text


def test_rows_of_one_baseline_are_told_apart_by_their_names():
    frame = leaderboard(
        {"baseline": "protonet_temp[start=10]"},
        {"baseline": "protonet_temp[start=1]", "accuracy": 0.6},
        {"baseline": "pixels[episodes=200]", "accuracy": 0.5, "episodes": 200},
        {"baseline": "maml", "accuracy": 0.4, "episodes": 256, "transductive": True},
        {"baseline": "slow", "accuracy": 0.3, "episodes": 256},
        {"baseline": "slow", "accuracy": 0.2, "shots": 1},
    )
    assert names(shown(tables.leaderboard_blocks, frame)) == [
        [
            "protonet_temp[start=10]",
            "protonet_temp[start=1]",
            "pixels[episodes=200]",
            "maml (256 episodes, transductive)",
            "slow (256 episodes at 5-shot)",
        ]
    ]


def test_what_is_older_is_explained_where_it_is_shown():
    assert "older" not in shown(tables.leaderboard_blocks, leaderboard({}))
    text = shown(tables.leaderboard_blocks, leaderboard({}, {"baseline": "resnet@older"}))
    assert "@older: made by older code of the method." in text
    assert "@older-data:" not in text
    text = shown(tables.leaderboard_blocks, leaderboard({"baseline": "untrained@older-data"}))
    assert "@older-data: made on an older version of the data set." in text
    assert "@older:" not in text
    names_of_both = ("resnet[start=1]@older2", "pixels@older@older-data#0a1b2c")
    both = leaderboard(*({"baseline": name} for name in names_of_both))
    text = shown(tables.leaderboard_blocks, both)
    assert "@older: made by" in text
    assert "@older-data: made on" in text


def test_a_note_names_its_rows_unless_it_is_on_all():
    frame = leaderboard({"note": "few episodes"}, {"baseline": "amp", "note": "few episodes"})
    assert "Note: few episodes." in shown(tables.leaderboard_blocks, frame)
    frame.loc[1, "note"] = "1 of its 3 trainings gave no result"
    text = shown(tables.leaderboard_blocks, frame)
    assert "Note on amp: 1 of its 3 trainings gave no result." in text


def test_classification_shows_macro_recall_and_another_note():
    size = {"train_size": 10.0, "shots": 1, "queries": "all", "macro_recall": 0.65}
    text = shown(tables.leaderboard_blocks, leaderboard(size, size | {"baseline": "amp"}))
    assert "10 a class" in text
    assert "65.0" in text
    assert "tested on all images that were not trained on" in text
    assert "test classes" not in text
    assert "macro: mean recall of the classes." in text


def test_splits_of_different_presets_stand_apart_and_have_no_rank():
    row: Row = {
        "dataset": "steel",
        "preset": "quick",
        "ways": 3,
        "shots": 1,
        "queries": 15,
        "episodes": 2000,
        "episode_seed": 0,
        "dataset_digest": "0" * 32,
        "baseline": "amp",
        "splits": 20,
        "of": 20,
        "accuracy": 0.5,
        "sd": 0.1,
        "worst": 0.3,
        "worst_test_classes": "Cr | In",
    }
    rows = [
        row,
        row | {"baseline": "scl_amp", "accuracy": 0.6},
        row | {"baseline": "missing", "splits": 19, "accuracy": None, "worst_test_classes": None},
        row | {"preset": "paper", "episodes": 100},
    ]
    frame = pd.DataFrame(rows, columns=list(columns.SPLITS))
    text = shown(tables.splits_blocks, frame)
    assert names(text, 0) == [["scl_amp", "amp", "missing"], ["amp"]]
    assert "100 episodes, preset paper" in text
    assert "rank" not in text


def test_what_would_decide_stands_below_and_no_interval_is_said():
    none = {"ci95_low": None, "ci95_high": None, "baseline": "amp"}
    best = {"would_decide": "between it and amp: 9 times the images would decide"}
    board = shown(tables.leaderboard_blocks, leaderboard(best, none))
    assert "Undecided, steel, steel-heldout: resnet at 5-shot, between it and amp: 9 times" in board
    assert "70.0 (no interval)" in board


def test_an_interval_that_is_lopsided_is_shown_by_its_bounds():
    row = {"accuracy": 0.9, "ci95_low": 0.71, "ci95_high": 0.98}
    assert "90.0 [71.0, 98.0]" in shown(tables.leaderboard_blocks, leaderboard(row))
    assert "70.0 +- 10.0" in shown(tables.leaderboard_blocks, leaderboard({}))


def test_the_encoder_is_a_column_only_where_rows_differ_in_it():
    one = shown(tables.leaderboard_blocks, leaderboard({}, {"baseline": "lbp", "encoder": None}))
    assert "encoder resnet18" in one
    assert "┃ encoder" not in one
    two = shown(tables.leaderboard_blocks, leaderboard({}, {"baseline": "amp", "encoder": "vit"}))
    assert "┃ encoder" in two


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> api.Outcome:
    folder = tmp_path_factory.mktemp("terminal")
    return run(folder / "out", baselines=["pixels", "untrained", "lbp"], shots=[1, 2, 3, 5, 8, 10])


def test_a_table_fits_80_columns_and_shows_more_on_wider_ones(outcome: api.Outcome):
    narrow, wider, widest = (
        shown(tables.leaderboard_blocks, outcome.table, width).splitlines()
        for width in (80, 110, 160)
    )
    for lines, width in ((narrow, 80), (wider, 110), (widest, 160)):
        assert max(map(len, lines)) <= width
        text = "\n".join(lines)
        for at in (1, 2, 3, 5, 8, 10):
            assert f"{at}-shot" in text
        for row in outcome.table.to_dict("records"):
            half = (row["ci95_high"] - row["ci95_low"]) / 2
            assert f"{100 * row['accuracy']:.1f} +- {100 * half:.1f}" in text, (
                "no cell is cut or broken"
            )
    assert sum("┃ baseline" in line for line in narrow) == 2, "in two parts"
    assert sum("┃ baseline" in line for line in widest) == 1
    assert "┃ encoder" not in "\n".join(narrow)
    assert "mean_cosine" not in "\n".join(narrow)
    assert "mean_cosine" in "\n".join(widest)
