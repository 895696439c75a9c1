"""Frames of results that nobody measured, made by hand."""

import numpy as np
import pandas as pd

from fewshot_bench.leaderboard.columns import CONFUSION, LEADERBOARD

BASE = {
    "baseline": "hist",
    "dataset": "steel",
    "dataset_digest": "0123456789abcdef0123",
    "encoder": "",
    "episode_seed": 0,
    "episodes_file": "",
    "group_by": "",
    "unlabelled": "",
    "preset": "quick",
    "protocol": "steel-heldout",
    "queries": 15,
    "rank": 1,
    "settings": "aaaaaaaaaaaa",
    "shots": 1,
    "source": "bbbbbbbbbbbb",
    "status": "ok",
    "test_classes": "dent | rust",
    "train_classes": "scratch | stain",
    "train_size": np.nan,
    "version": "1.0",
    "ways": 2,
}
# a column of the question, another value of it, and how a title says both
DIFFERENT = {
    "train_classes": ("stain", ["trained on scratch | stain", "trained on stain"]),
    "dataset_digest": ("fedcba98765432100000", ["data digest 0123456789ab", "fedcba987654"]),
    "episode_seed": (7, ["episode seed 0", "episode seed 7"]),
}


def board_row(accuracy: float, **changes: object) -> dict[str, object]:
    interval = {"accuracy": accuracy, "ci95_low": accuracy - 0.1, "ci95_high": accuracy + 0.1}
    return {**BASE, **interval, **changes}


def board(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=LEADERBOARD)


def confusion(*recalls: float, **changes: object) -> list[dict[str, object]]:
    """Rows of two classes, each taken for the other where it is not recognised."""
    rows = []
    classes = ["dent", "rust"]
    for true, recall in zip(classes, recalls, strict=True):
        for predicted in classes:
            share = recall if predicted == true else 1 - recall
            rows.append({**BASE, **changes, "class": true, "predicted": predicted, "share": share})
    return rows


def confusion_frame(*parts: list[dict[str, object]]) -> pd.DataFrame:
    rows = [row for part in parts for row in part]
    return pd.DataFrame(rows, columns=CONFUSION)
