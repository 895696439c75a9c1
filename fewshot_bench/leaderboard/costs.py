"""What trainings cost: seconds, and how their loss fell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from fewshot_bench.leaderboard.columns import LOSSES, SPLITS_SUFFIX, TIMINGS
from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.pair_rows import number_of_pairs
from fewshot_bench.leaderboard.record_columns import LISTED, row_key
from fewshot_bench.records.record import Record

__all__ = ["costs", "losses", "timings"]


def timings(records: Iterable[Record]) -> pd.DataFrame:
    """One row a record: seconds of training, embedding and scoring, and where."""
    table = []
    for record in records:
        seconds = record.seconds
        made = record.provenance
        row = {
            "baseline": record.baseline.answerer,
            "dataset": record.dataset.name,
            "shots": record.shots,
            "train_size": record.train_size,
            "pairs": number_of_pairs(record),
            "seed": record.training.seed,
            "seconds_train": seconds.get("train"),
            "seconds_embed": seconds.get("embed"),
            "seconds_score": seconds.get("score"),
            "device": made.device or None,
            "threads": made.threads,
            "started": made.started or None,
            "key": record.key,
        }
        table.append(row)
    return pd.DataFrame(table, columns=list(TIMINGS)).astype({"pairs": "Int64"})


def costs(records: Iterable[Record]) -> pd.DataFrame:
    """Mean seconds of a training and its embedding, by the row of the leaderboard (`key`)."""
    table = []
    for record in records:
        seconds = record.seconds.get("train", 0.0) + record.seconds.get("embed", 0.0)
        table.append({"key": row_key(record)[:16], "seconds": seconds})
    frame = pd.DataFrame(table, columns=["key", "seconds"])
    means = frame.groupby("key")["seconds"].mean()
    return means.reset_index()


def losses(records: Iterable[Record], names: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A row a reported loss of each training. names: of rows, as `row_names` gives them.

    Where a data set has trainings on several choices of train classes, the name says which, unless
    they are of all its splits.
    """
    trainings: dict[str, Record] = {}
    every = list(records)
    for record in every:
        # a training is named by the baseline's own rule, if that is among its rules
        is_first = record.training.key not in trainings
        if record.training.history and (is_first or record.baseline.is_own_rule):
            trainings[record.training.key] = record
    if names is None:
        names = row_names(every)
    choices: dict[str, set[tuple[str, ...]]] = {}
    for record in trainings.values():
        if not _is_of_splits(record):
            classes = record.protocol.train_classes
            choices.setdefault(record.dataset.digest, set()).add(classes)
    table: list[dict[str, Any]] = []
    for key, record in trainings.items():
        name = names[row_key(record)]
        if not _is_of_splits(record) and len(choices[record.dataset.digest]) > 1:
            name = f"{name} ({LISTED.join(record.protocol.train_classes)})"
        columns = {
            "dataset": record.dataset.name,
            "preset": record.baseline.preset,
            "baseline": name,
            "training": key,
        }
        for images_passed, loss in record.training.history:
            table.append({**columns, "images_passed": images_passed, "loss": loss})
    return pd.DataFrame(table, columns=list(LOSSES))


def _is_of_splits(record: Record) -> bool:
    return record.protocol.name == f"{record.dataset.name}{SPLITS_SUFFIX}"
