"""The test pictures that were most often answered wrongly: label errors are among them.

Shapes: T episodes, A queries of an episode, I images, C classes that can be predicted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.leaderboard.columns import HARDEST
from fewshot_bench.leaderboard.open_rows import known_classes, true_classes
from fewshot_bench.leaderboard.tables import NONE_OF_THEM
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.answered import NO_CLASS, NO_PREDICTION
from fewshot_bench.records.predictions import Predictions

__all__ = ["hardest"]

QUANTILE = 1.959964  # of the normal distribution, for 95 %
IMAGE = ["dataset", "dataset_digest", "image", "class"]


def hardest(predictions: Sequence[Predictions]) -> pd.DataFrame:
    """A row a test picture, those that were most often answered wrongly first.

    image: its index in the data set; class: its own; taken_for: the wrong class that was predicted
    most often, empty if it was never wrong; asked: of how many queries it was the picture, over
    episodes, trainings and methods; wrong: how many of them were answered wrongly; share: of wrong
    ones. The order is that of the lower bound of Wilson's interval of the share (Wilson, JASA
    1927), so that one miss of one query stands behind 90 of 100. Pairs of pictures are left out.
    """
    parts = [_answers(one) for one in predictions if not isinstance(one.record.protocol, Pairs)]
    if not parts:
        return pd.DataFrame(columns=list(HARDEST))
    answers = pd.concat(parts).groupby([*IMAGE, "predicted"], sort=True)["count"].sum()
    counted = answers.reset_index()
    wrong = counted[counted["predicted"] != counted["class"]]
    most_frequent = wrong.sort_values("count", ascending=False, kind="stable").groupby(IMAGE)
    frame = pd.DataFrame({"asked": counted.groupby(IMAGE)["count"].sum()})
    frame["wrong"] = wrong.groupby(IMAGE)["count"].sum()
    frame["taken_for"] = most_frequent["predicted"].first()
    frame = frame.fillna({"wrong": 0, "taken_for": ""}).astype({"wrong": int}).reset_index()
    frame["share"] = frame["wrong"] / frame["asked"]
    frame["bound"] = _lower_bound(frame["share"].to_numpy(), frame["asked"].to_numpy())
    ordered = frame.sort_values(
        ["dataset", "dataset_digest", "bound", "image"],
        ascending=[True, True, False, True],
        ignore_index=True,
    )
    return ordered[list(HARDEST)]


def _answers(one: Predictions) -> pd.DataFrame:
    """How often each picture was taken for each class, where it ever was."""
    record = one.record
    named = (*record.protocol.test_classes, *known_classes(record), NONE_OF_THEM)
    classes_C = np.array(named, dtype=object)
    counts = np.zeros(0, dtype=np.int64)
    true_I = np.zeros(0, dtype=np.int64)
    for episodes, answered in one.parts():
        predicted_TA = answered.predicted_TA
        true_TA = true_classes(episodes)
        is_counted_TA = (true_TA >= 0) & (predicted_TA != NO_PREDICTION)
        images = episodes.all_queries_TA[is_counted_TA].astype(np.int64)
        predicted = predicted_TA[is_counted_TA].astype(np.int64)
        predicted[predicted == NO_CLASS] = len(classes_C) - 1
        last = int(images.max(initial=-1))
        true_I = _at_least(true_I, last + 1)
        true_I[images] = true_TA[is_counted_TA]
        counts = _at_least(counts, len(classes_C) * (last + 1))
        counts += np.bincount(images * len(classes_C) + predicted, minlength=len(counts))
    images, predicted = np.divmod(np.flatnonzero(counts), len(classes_C))
    return pd.DataFrame(
        {
            "dataset": record.dataset.name,
            "dataset_digest": record.dataset.digest,
            "image": images,
            "class": classes_C[true_I[images]],
            "predicted": classes_C[predicted],
            "count": counts[counts > 0],
        }
    )


def _at_least(values: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.int64]:
    """The values, with zeros behind them up to a length."""
    return np.pad(values, (0, max(0, length - len(values))))


def _lower_bound(
    share: npt.NDArray[np.float64], asked: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The lower bound of Wilson's 95 % interval of a share of so many queries."""
    square = QUANTILE**2 / asked
    centre = share + square / 2
    spread = np.sqrt(square * (share * (1 - share) + square / 4))
    return np.asarray((centre - spread) / (1 + square))
