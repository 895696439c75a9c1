"""What two folders differ in, on the terminal, and when --fail-on fails."""

from collections.abc import Iterator

import pandas as pd
import pytest

from fewshot_bench.cli import exchange_tables
from fewshot_bench.cli.blocks import Block
from fewshot_bench.cli.exchange_tables import failures
from fewshot_bench.leaderboard.diff import DIFF
from fewshot_bench.leaderboard.origins import ORIGINS
from tests.helpers.terminal import Row, names, shown

SAME: Row = {
    "verdict": "same bits",
    "dataset": "steel",
    "protocol": "steel-heldout",
    "test_classes": "Cr | Sc | PS",
    "train_classes": "Pa | In",
    "preset": "quick",
    "ways": 3,
    "shots": 5,
    "queries": 15,
    "baseline": "pixels",
    "baseline_b": "pixels",
    "seeds": "0",
    "cells": 1,
    "same": 1,
    "difference": 0.0,
    "is_one_training": False,
    "episodes": 2000,
    "note": "",
    "episode_seed": 0,
    "episodes_file": "",
    "group_by": "",
    "unlabelled": "",
    "dataset_digest": "0" * 32,
    **dict.fromkeys(ORIGINS, ""),
}
MOVED: Row = SAME | {
    "verdict": "moved",
    "baseline": "resnet",
    "baseline_b": "resnet",
    "cells": 3,
    "same": 1,
    "accuracy_a": 0.9,
    "accuracy_b": 0.85,
    "difference": -0.05,
    "low": -0.08,
    "high": -0.02,
    "is_paired": True,
    "p_holm": 0.01,
    "differs_code": "baseline aa -> bb; version 1 -> 2",
    "differs_packages": "torch 2.0 -> 2.1",
}
ONLY_IN_A: Row = SAME | {"verdict": "only in A", "baseline": "lbp", "baseline_b": None, "same": None,
    "difference": None, "is_one_training": None, **dict.fromkeys(ORIGINS)}  # fmt: skip


def frame_of(*rows: Row) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(DIFF))


def text_of(*rows: Row, every: bool = False, width: int = 80) -> str:
    def blocks_of(frame: pd.DataFrame) -> Iterator[Block]:
        return exchange_tables.diff_blocks(frame, ("left", "right"), every=every)

    return shown(blocks_of, frame_of(*rows), width)


def test_only_what_is_not_the_same_is_listed_with_counts_of_the_rest():
    text = text_of(SAME, MOVED, ONLY_IN_A)
    assert names(text, 0) == [["resnet"]]
    assert names(text, 5) == [["moved"]]
    assert "Only in A, steel, steel-heldout: 3-way" in text
    assert "lbp at 5-shot (seed 0)." in " ".join(text.split())
    assert "-5.0 +- 3.0" in text
    assert "Cells: 2 same bits, 2 changed, 1 only in A." in text
    assert "Rows: 1 same bits, 1 moved, 1 only in A." in text
    assert names(text_of(SAME, MOVED, every=True), 0) == [["pixels", "resnet"]]
    assert "┏" not in text_of(SAME)
    assert "Nothing differs in data" in text_of(SAME)


def test_what_differs_stands_once_with_its_rows():
    packages = {"differs_packages": "torch 2.0 -> 2.1"}
    text = text_of(SAME | packages, MOVED, ONLY_IN_A)
    assert "packages: torch 2.0 -> 2.1 (all rows)" in text
    assert "code: baseline aa -> bb (resnet)" in text
    assert "code: version 1 -> 2 (resnet)" in text


def test_what_limits_a_difference_is_marked():
    text = " ".join(text_of(MOVED).split())
    assert "other episodes or data" not in text
    assert "one training each" not in text
    text = " ".join(text_of(MOVED | {"is_paired": False, "is_one_training": True}).split())
    assert "~-5.0 +- 3.0" in text
    assert "moved*" in text
    assert "~ other episodes or data" in text
    assert "* one training each" in text


def test_names_and_notes_fit_a_terminal():
    long = "frozen+whitened[encoder=efficientnet_lite2,power=0.5]"
    text = text_of(
        MOVED | {"baseline": long, "note": "in A; 2 records of B could be the same cell"}
    )
    table = [line for line in text.splitlines() if line.startswith("│")]
    assert all(len(line) <= 80 for line in table)
    assert f"{long} -> resnet" in "".join(names(text, 0)[0])
    assert f"{long} at 5-shot: in A; 2 records of B" in text


OTHER = MOVED | {"verdict": "other status"}
WITHIN = MOVED | {"verdict": "within the error"}
AMBIGUOUS = ONLY_IN_A | {"verdict": "ambiguous"}
ONLY_IN_B = ONLY_IN_A | {"verdict": "only in B"}


@pytest.mark.parametrize(
    ("cause", "failing", "passing"),
    [
        ("moved", [MOVED, OTHER], [WITHIN, ONLY_IN_A, ONLY_IN_B, AMBIGUOUS]),
        ("changed", [MOVED, OTHER, WITHIN], [ONLY_IN_A, ONLY_IN_B, AMBIGUOUS]),
        ("missing", [ONLY_IN_A, AMBIGUOUS], [MOVED, OTHER, WITHIN, ONLY_IN_B]),
    ],
)
def test_fail_on(cause: str, failing: list[Row], passing: list[Row]):
    for row in failing:
        assert failures(frame_of(SAME, row), [cause]) == [f"failed: 1 row for --fail-on {cause}"]
    for row in passing:
        assert failures(frame_of(SAME, row), [cause]) == []
    assert failures(frame_of(SAME, *failing), []) == []


def test_nothing_in_common_fails_whatever_the_cause():
    frame = frame_of(ONLY_IN_A, ONLY_IN_B)
    assert failures(frame, []) == []
    (reason,) = failures(frame, ["moved"])
    assert "no cell in common" in reason


def test_shares_of_a_merge():
    columns = ["folder", "records", "kept", "same", "failed", "checkpoints"]
    frame = pd.DataFrame([["a", 3, 2, 1, 0, 1], ["b", 4, 4, 0, 0, 0]], columns=columns)
    text = shown(exchange_tables.share_blocks, frame)
    assert names(text, 2) == [["2", "4"]]
    assert "same: another folder has the record too" in text
    assert "failed:" not in text


def test_trainings_that_one_folder_lacks_do_not_stand_among_the_rows_of_both():
    others = ONLY_IN_A | {"baseline": "resnet", "seeds": "1,2", "cells": 2}
    text = " ".join(text_of(MOVED, others, others | {"shots": 1}, ONLY_IN_B).split())
    assert names(text_of(MOVED, others), 0) == [["resnet"]]
    assert "resnet at 5-shot, 1-shot (seeds 1, 2)." in text
    assert "Only in B" in text
