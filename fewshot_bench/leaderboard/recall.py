"""Recall of each class and group of classes in a classification protocol, with what papers print beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.leaderboard.rows import Row, rows_of
from fewshot_bench.leaderboard.tables import described
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.published import ALL_CLASSES
from fewshot_bench.records.folder import Predictions
from fewshot_bench.stats import intervals as stats

__all__ = ["recalls"]

ALL_IMAGES = "all images"
ABOUT = ["dataset", "protocol", "preset", "train_size", "queries", "episode_seed", "dataset_digest", "baseline", "encoder",
         "rule", "settings", "source", "version"]  # fmt: skip
COLUMNS = [*ABOUT, "runs", "class", "recall", "ci95_low", "ci95_high", "published_differs"]


def recalls(answers: Sequence[Predictions]) -> pd.DataFrame:
    """A row a baseline x train size x class or group of classes: recall, a fraction, with its 95 % interval.

    Below the protocol's groups come the mean of all classes and the share of all images. Rows without an interval are
    figures of papers, in the name of their system.
    """
    found = [entry for entry in rows_of(answers).values() if entry.is_classification]
    rows = [row for entry in found for row in _ours(entry)]
    printed = {entry.record.at + entry.table: entry for entry in found}
    rows += [row for entry in printed.values() for row in _published(entry)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _ours(entry: Row) -> Iterator[dict[str, object]]:
    about = described(entry.record)
    for name, weights_C in _weights(entry):
        found: stats.Estimate = entry.estimate(weights_C)
        figures = {"recall": found.accuracy, "ci95_low": found.low, "ci95_high": found.high}
        yield {
            **about,
            "runs": len(entry.answers),
            "class": name,
            **figures,
            "published_differs": "",
        }


def _weights(entry: Row) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
    """What the weights of the classes are for each row of a table."""
    asked = entry.record.asked
    names = np.array(asked.test_classes)
    groups = asked.groups if isinstance(asked, Classification) else ()
    for name in names:
        yield str(name), (names == name).astype(np.float64)
    for name, members in groups:
        inside = np.isin(names, members)
        if inside.sum() == len(
            members
        ):  # a subset of the data may lack a class, and then the group
            yield name, inside / inside.sum()
    yield ALL_CLASSES, np.full(len(names), 1 / len(names))
    yield ALL_IMAGES, entry.shares_C


def _published(entry: Row) -> Iterator[dict[str, object]]:
    about = {
        name: described(entry.record)[name]
        for name in ("dataset", "protocol", "preset", "train_size")
    }
    for figure in entry.record.dataset.get("published", []):
        row = {"class": figure["group"] or ALL_IMAGES, "recall": figure["accuracy"]}
        yield {**about, **row, "baseline": figure["system"], "published_differs": figure["differs"]}
