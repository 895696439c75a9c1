"""The one list of columns: which columns each table has, in which order, and which of them rows of one ranking share.

Tables on the terminal, plots, the report page and the CSV files all read it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fewshot_bench.protocols.split import tested_on_text

__all__ = [
    "COMPARISON",
    "CONDITION",
    "CONFUSION",
    "EPISODES",
    "LEADERBOARD",
    "LOSSES",
    "METHOD",
    "QUESTION",
    "RECALLS",
    "SPLITS",
    "SPLITS_QUESTION",
    "TIMINGS",
    "WIDE_BACK",
    "WIDE_FRONT",
    "Ranking",
    "condition_label",
    "is_of_splits",
    "question_text",
    "rankings",
]

SPLITS_SUFFIX = "-splits"  # ends the name of the protocol that every split of a data set shares

# what rows of one ranking share: two rows that differ in one of these answer different questions
QUESTION = (
    "dataset",
    "dataset_digest",
    "protocol",
    "preset",
    "ways",
    "queries",
    "episode_seed",
    "episodes_file",
    "train_classes",
    "test_classes",
)
SPLITS_QUESTION = tuple(name for name in QUESTION if not name.endswith("_classes"))
CONDITION = ("shots", "train_size")  # shot value or train size: the columns of a ranking
METHOD = ("baseline", "encoder", "settings", "source", "version")

# of QUESTION, what the heading of a table names only where the tables beside it differ in it
NAMED_IF_DIFFERENT = {
    "train_classes": "trained on",
    "test_classes": "tested on",
    "episode_seed": "episode seed",
    "episodes_file": "episodes from",
    "dataset_digest": "data digest",
}

LEADERBOARD = (
    "rank",
    "baseline",
    "encoder",
    "weights",
    "preset",
    "dataset",
    "protocol",
    "ways",
    *CONDITION,
    "queries",
    "episodes",
    "episode_seed",
    "seeds",
    "status",
    "accuracy",
    "ci95_low",
    "ci95_high",
    "ci95_kind",
    "ci95_episodes",
    "ci95_disjoint",
    "se_images",
    "se_seeds",
    "macro_recall",
    "macro_low",
    "macro_high",
    "rule",
    "transductive",
    "image_size",
    "images_passed",
    "precision",
    "parameters",
    "settings",
    "train_classes",
    "test_classes",
    "episodes_digest",
    "episodes_file",
    "dataset_digest",
    "source",
    "version",
    "published",
    "published_differs",
    "note",
    "key",
)
WIDE_FRONT = (
    "dataset",
    "protocol",
    "preset",
    "ways",
    "queries",
    "episodes",
    "episode_seed",
    "baseline",
    "encoder",
    "seeds",
)
WIDE_BACK = (
    "train_classes",
    "test_classes",
    "episodes_file",
    "dataset_digest",
    "settings",
    "source",
    "version",
)
COMPARISON = (
    "dataset",
    "protocol",
    "test_classes",
    "preset",
    "ways",
    *CONDITION,
    "queries",
    "baseline",
    "settings",
    "reference",
    "episodes",
    "seeds",
    "difference",
    "ci95_low",
    "ci95_high",
    "kind",
    "p",
    "p_holm",
    "margin",
    "verdict",
    "train_classes",
    "episode_seed",
    "episodes_file",
    "dataset_digest",
)
_ANSWERED = (
    "dataset",
    "protocol",
    "preset",
    "ways",
    *CONDITION,
    "queries",
    "episode_seed",
    "baseline",
    "settings",
    "train_classes",
    "test_classes",
    "episodes",
    "episodes_digest",
    "episodes_file",
    "dataset_digest",
    "source",
    "version",
)
CONFUSION = (*_ANSWERED, "class", "predicted", "count", "share")
EPISODES = (*_ANSWERED, "accuracy")
RECALLS = (
    "dataset",
    "protocol",
    "preset",
    "train_size",
    "queries",
    "episode_seed",
    "dataset_digest",
    "baseline",
    "encoder",
    "rule",
    "settings",
    "source",
    "version",
    "runs",
    "class",
    "recall",
    "ci95_low",
    "ci95_high",
    "published_differs",
)
SPLITS = (
    "dataset",
    "preset",
    "ways",
    "shots",
    "queries",
    "episodes",
    "baseline",
    "encoder",
    "settings",
    "source",
    "version",
    "episode_seed",
    "dataset_digest",
    "splits",
    "of",
    "accuracy",
    "sd",
    "worst",
    "worst_test_classes",
    "best",
    "best_test_classes",
)
LOSSES = ("dataset", "preset", "baseline", "training", "images_passed", "loss")
TIMINGS = (
    "baseline",
    "dataset",
    *CONDITION,
    "seed",
    "seconds_train",
    "seconds_embed",
    "seconds_score",
    "device",
    "threads",
    "started",
    "key",
)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows that answer one question and so can be ranked.

    differs: what sets the question apart from those beside it, in words; empty where nothing does.
    """

    rows: pd.DataFrame
    differs: str

    @property
    def first(self) -> dict[Hashable, Any]:
        """Its first row; the columns of QUESTION are the same in all."""
        return self.rows.iloc[0].to_dict()


def rankings(frame: pd.DataFrame, question: tuple[str, ...] = QUESTION) -> Iterator[Ranking]:
    """The rows of a frame, a ranking at a time, in the order in which they come.

    Reads the columns of `question` that the frame has.
    """
    shared = [name for name in question if name in frame]
    parts = [part for _, part in frame.groupby(shared, sort=False, dropna=False)]
    for part in parts:
        beside = [other for other in parts if _are_beside(part, other)]
        yield Ranking(part, _difference_text(part, beside, shared))


def _are_beside(part: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two rankings are of the same data set and protocol, so that a reader takes one for the other."""
    names = [name for name in ("dataset", "protocol") if name in part]
    return bool((part.iloc[0][names] == other.iloc[0][names]).all())


def _difference_text(part: pd.DataFrame, beside: list[pd.DataFrame], shared: list[str]) -> str:
    row = part.iloc[0]
    texts = []
    for name, words in NAMED_IF_DIFFERENT.items():
        if name not in shared:
            continue
        values = {str(other.iloc[0][name]) for other in beside}
        if len(values) > 1:
            value = str(row[name])
            shown = value[:12] if name.endswith("_digest") else value
            texts.append(f"{words} {shown or 'the protocol'}")
    return ", ".join(texts)


def condition_label(row: Mapping[Any, Any]) -> str:
    """What the column of this row is called in a table: its shot value or train size."""
    size = row["train_size"]
    if pd.isna(size):
        return f"{row['shots']}-shot"
    return f"{100 * size:g} % train" if size < 1 else f"{size:g} a class"


def question_text(row: Mapping[Any, Any]) -> str:
    """What a row answers, in words, but for its shot value or train size."""
    queries = row["queries"]
    if pd.isna(row["train_size"]):
        return f"{row['ways']}-way, {queries} queries a class"
    tested_on = None if queries == "all" else float(queries)
    return f"{row['ways']} classes, tested on {tested_on_text(tested_on)}"


def is_of_splits(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are of a protocol over every split of a data set's classes."""
    return frame["protocol"] == frame["dataset"] + SPLITS_SUFFIX
