"""Recall of each class and group of classes in a classification protocol.

What papers print stands beside it. Shapes: C test classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.leaderboard.columns import RECALLS
from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.leaderboard.rows import Row, rows_of
from fewshot_bench.published import ALL_CLASSES
from fewshot_bench.records.folder import Predictions

__all__ = ["recalls"]

ALL_IMAGES = "all images"
OF_PUBLISHED = ("dataset", "protocol", "preset", "train_size")
Weights = npt.NDArray[np.float64]


def recalls(
    predictions: Sequence[Predictions], names: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """A row a baseline x train size x class or group of classes: recall with its 95 % interval.

    Recalls are fractions. Below the protocol's groups come the mean of all classes and the share of
    all images. Rows without an interval are figures of papers, in the name of their system.
    """
    rows = []
    for row in rows_of(predictions, names).values():
        if row.is_classification:
            rows.append(row)
    table = []
    for row in rows:
        table += _measured(row)
    # figures of papers stand once beside all baselines that answer their question
    by_question = {(row.record.condition, row.question): row for row in rows}
    for row in by_question.values():
        table += _published(row)
    return pd.DataFrame(table, columns=list(RECALLS))


def _measured(row: Row) -> list[dict[str, Any]]:
    columns = record_columns(row.record, row.name)
    table = []
    for name, weights in _weights(row):
        estimate = row.estimate(weights)
        cells = {
            "runs": len(row.predictions),
            "class": name,
            "recall": estimate.accuracy,
            "ci95_low": estimate.low,
            "ci95_high": estimate.high,
            "published_differs": "",
        }
        table.append({**columns, **cells})
    return table


def _weights(row: Row) -> Iterator[tuple[str, Weights]]:
    """The classes and groups of classes, each with the weights of the classes in its recall."""
    protocol = row.record.protocol
    classes = np.array(protocol.test_classes)
    for name in classes:
        yield str(name), (classes == name).astype(np.float64)
    for name, members in protocol.groups:
        is_member = np.isin(classes, members)
        count = is_member.sum()
        # a subset of the data may lack a class, and then its groups
        if count == len(members):
            yield name, is_member / count
    yield ALL_CLASSES, np.full(len(classes), 1 / len(classes))
    yield ALL_IMAGES, row.shares_RC


def _published(row: Row) -> list[dict[str, Any]]:
    columns = record_columns(row.record, row.name)
    shared = {name: columns[name] for name in OF_PUBLISHED}
    table = []
    for figure in row.record.dataset.published:
        cells = {
            "class": figure.group or ALL_IMAGES,
            "recall": figure.accuracy,
            "baseline": figure.system,
            "published_differs": figure.differs,
        }
        table.append({**shared, **cells})
    return table
