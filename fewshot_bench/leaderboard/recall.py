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
from fewshot_bench.leaderboard.record_columns import printed_figures, record_columns
from fewshot_bench.leaderboard.rows import Row, rows_of
from fewshot_bench.published import ALL_CLASSES, Published
from fewshot_bench.records.predictions import Predictions

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
    published: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        for cells in _published(row):
            key = (row.record.condition, row.question, cells["baseline"], cells["class"])
            published[key] = cells
    return pd.DataFrame([*table, *published.values()], columns=list(RECALLS))


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
    """Figures of systems that are no baselines, and recalls that the card of this one has."""
    columns = record_columns(row.record, row.name)
    shared = {name: columns[name] for name in OF_PUBLISHED}
    figures: list[tuple[str, Published]] = []
    for of_system in row.record.dataset.published:
        figures.append((of_system.system, of_system))
    for figure in printed_figures(row.record):
        # an accuracy stands in the leaderboard
        if figure.group:
            figures.append((f"{row.record.baseline.title} as published", figure))
    table = []
    for system, figure in figures:
        cells = {
            "class": figure.group or ALL_IMAGES,
            "recall": figure.accuracy,
            "baseline": system,
            "published_differs": figure.differs,
        }
        table.append({**shared, **cells})
    return table
