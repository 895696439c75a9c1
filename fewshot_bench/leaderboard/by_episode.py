"""The accuracy of every episode, as one looks at it in a notebook.

Shapes: S training seeds, T episodes, N ways.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.leaderboard.rows import Row

__all__ = ["accuracy_by_episode"]

SAID = ("baseline", "dataset", "protocol", "test_classes", "shots", "train_size")
COLUMNS = (*SAID, "seed", "episode", "accuracy")


def accuracy_by_episode(rows: Iterable[Row]) -> pd.DataFrame:
    """A line a row x training x episode: the share of its queries that was answered rightly.

    seed: of the training, or the run of a classification protocol, which is one episode; with known
    classes, the accuracy is of queries of new classes. Rows of pairs have no episodes.
    """
    parts = []
    for row in rows:
        if not row.is_of_pairs:
            parts.append(_of_row(row))
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True).astype({"train_size": "Float64"})


def _of_row(row: Row) -> pd.DataFrame:
    columns = record_columns(row.record, row.name)
    shared: dict[str, Any] = {name: columns[name] for name in SAID}
    seeds = [one.record.training.seed for one in row.predictions]
    correctness = row.correctness()
    if row.is_classification:
        accuracy_T = (correctness.recall_STN[0] * row.shares_RC).sum(1)
        return pd.DataFrame({**shared, "seed": seeds, "episode": seeds, "accuracy": accuracy_T})
    accuracy_ST = correctness.accuracy_ST
    trainings, episodes = accuracy_ST.shape
    return pd.DataFrame(
        {
            **shared,
            "seed": np.repeat(seeds, episodes),
            "episode": np.tile(np.arange(episodes), trainings),
            "accuracy": accuracy_ST.ravel(),
        }
    )
