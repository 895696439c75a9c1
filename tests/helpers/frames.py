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


def many_methods(count: int) -> pd.DataFrame:
    """A leaderboard of so many methods at two shot values, on two data sets, with groups of ties."""
    rows = []
    for number in range(count):
        name = f"method{number:03d}+rule[a={number % 7},power=0.5]"
        letters = "".join(
            chr(ord("a") + group) for group in range(26) if 0 <= number - 8 * group < 11
        )
        for shots in (1, 5):
            accuracy = 0.95 - 0.7 * number / count - (0.05 if shots == 1 else 0)
            changes = {
                "baseline": name,
                "dataset": "steel" if number % 5 else "wafer",
                "encoder": ["resnet18", "vit_small"][number % 2],
                "key": f"{number:08d}{shots:08d}",
                "protocol": "steel-heldout" if number % 5 else "wafer-heldout",
                "rank": 1 + number // 4,
                "rule": ["prototype", "ridge", "whitened"][number % 3],
                "seeds": 1 + number % 3,
                "settings": f"{number:012d}",
                "shots": shots,
                "ties": letters,
            }
            rows.append(board_row(accuracy, **changes))
    return board(*rows)
