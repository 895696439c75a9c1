"""The one list of columns: those of each table in their order, and those that a ranking shares.

Tables on the terminal, plots, the report page and the CSV files all read it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fewshot_bench.protocols.protocol import SPLITS_SUFFIX
from fewshot_bench.protocols.split import tested_on_text

__all__ = [
    "BY_CONDITION",
    "COMPARISON",
    "CONDITION",
    "CONFUSION",
    "EPISODES",
    "HARDEST",
    "LEADERBOARD",
    "LOSSES",
    "MEASURES",
    "METHOD",
    "OF_SPLIT",
    "QUESTION",
    "RECALLS",
    "SPLITS",
    "SPLITS_QUESTION",
    "SPLITS_SUFFIX",
    "TIMINGS",
    "WIDE_BACK",
    "WIDE_FRONT",
    "Ranking",
    "condition_label",
    "is_of_splits",
    "question_text",
    "rankings",
]


# measures beside the accuracy: how a table on the terminal calls them, and their columns
MEASURES = {
    "macro": "macro_recall",
    "new": "accuracy_new",
    "known": "accuracy_known",
    "AUROC": "auroc",
    "false accepts": "false_accepts",
}

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
    "group_by",
    "train_classes",
    "test_classes",
    "known_classes",
    "open_set",
    "unlabelled",
)
OF_SPLIT = ("train_classes", "test_classes")  # what tells one split from another
SPLITS_QUESTION = tuple(name for name in QUESTION if name not in OF_SPLIT)
# shot value, train size or number of pairs: the columns of a ranking
CONDITION = ("shots", "train_size", "pairs")
BY_CONDITION = ("train_size", "shots", "pairs")  # what rows of one ranking are sorted by
METHOD = ("baseline", "encoder", "settings", "source", "version")

# of QUESTION, what the heading of a table names only where the tables beside it differ in it
NAMED_IF_DIFFERENT = {
    "train_classes": "trained on",
    "test_classes": "tested on",
    "episode_seed": "episode seed",
    "episodes_file": "episodes from",
    "group_by": "grouped by",
    "dataset_digest": "data digest",
}

EMPTY_TEXTS = {"group_by": "nothing", "episodes_file": "the protocol"}

LEADERBOARD = (
    "rank",
    "ties",
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
    "accuracy_new",
    "accuracy_new_low",
    "accuracy_new_high",
    "accuracy_known",
    "accuracy_known_low",
    "accuracy_known_high",
    "auroc",
    "auroc_low",
    "auroc_high",
    "false_accepts",
    "false_accepts_low",
    "false_accepts_high",
    "rule",
    "threshold",
    "transductive",
    "image_size",
    "images_passed",
    "precision",
    "parameters",
    "settings",
    "train_classes",
    "test_classes",
    "known_classes",
    "open_set",
    "unlabelled",
    "episodes_digest",
    "episodes_file",
    "group_by",
    "dataset_digest",
    "source",
    "version",
    "published",
    "published_differs",
    "note",
    "would_decide",
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
    "known_classes",
    "open_set",
    "unlabelled",
    "episodes_file",
    "group_by",
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
    "reference_seeds",
    "difference",
    "low",
    "high",
    "level",
    "ci95_low",
    "ci95_high",
    "kind",
    "p",
    "p_holm",
    "margin",
    "verdict",
    "would_decide",
    "train_classes",
    "known_classes",
    "open_set",
    "unlabelled",
    "episode_seed",
    "episodes_file",
    "group_by",
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
    "known_classes",
    "open_set",
    "unlabelled",
    "episodes",
    "episodes_digest",
    "episodes_file",
    "group_by",
    "dataset_digest",
    "source",
    "version",
)
CONFUSION = (*_ANSWERED, "class", "predicted", "count", "share")
EPISODES = (*_ANSWERED, "accuracy", "count")
HARDEST = ("dataset", "dataset_digest", "image", "class", "taken_for", "asked", "wrong", "share")
RECALLS = (
    "dataset",
    "protocol",
    "preset",
    "train_size",
    "queries",
    "episode_seed",
    "group_by",
    "unlabelled",
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
    "group_by",
    "known_classes",
    "open_set",
    "unlabelled",
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
    questions = [part.iloc[0][shared].to_dict() for part in parts]
    differing = _differing_columns(questions)
    for part, values in zip(parts, questions, strict=True):
        yield Ranking(part, _difference_text(values, differing[_neighbourhood(values)]))


def _neighbourhood(question: Mapping[Any, Any]) -> tuple[object, object]:
    """What rankings share that a reader may take for one another: data set and protocol."""
    return question.get("dataset"), question.get("protocol")


def _differing_columns(questions: list[dict[Any, Any]]) -> dict[tuple[object, object], list[str]]:
    """The columns that the heading names, by neighbourhood: those in which its rankings differ."""
    values: dict[tuple[object, object], dict[str, set[str]]] = {}
    for question in questions:
        of_columns = values.setdefault(_neighbourhood(question), {})
        for name in NAMED_IF_DIFFERENT:
            if name in question:
                of_columns.setdefault(name, set()).add(str(question[name]))
    differing = {}
    for neighbourhood, of_columns in values.items():
        differing[neighbourhood] = [name for name, texts in of_columns.items() if len(texts) > 1]
    return differing


def _difference_text(question: Mapping[Any, Any], columns: list[str]) -> str:
    texts = []
    for name in columns:
        value = str(question[name])
        shown = value[:12] if name.endswith("_digest") else value
        texts.append(f"{NAMED_IF_DIFFERENT[name]} {shown or EMPTY_TEXTS.get(name, 'none')}")
    return ", ".join(texts)


def condition_label(row: Mapping[Any, Any]) -> str:
    """What the column of this row is called in a table: shot value, train size or pairs."""
    if pd.notna(row.get("pairs")):
        return f"{row['pairs']:.0f} pairs"
    size = row["train_size"]
    if pd.isna(size):
        return f"{row['shots']}-shot"
    return f"{100 * size:g} % train" if size < 1 else f"{size:g} a class"


def question_text(row: Mapping[Any, Any]) -> str:
    """What a row answers, in words, but for its condition."""
    queries = row["queries"]
    if pd.notna(row.get("pairs")):
        text = "same class or not, half of the pairs are"
    elif pd.isna(row["train_size"]):
        text = f"{row['ways']}-way, {queries} queries a class"
    else:
        tested_on = None if queries == "all" else float(queries)
        text = f"{row['ways']} classes, tested on {tested_on_text(tested_on)}"
    known = row.get("known_classes")
    if isinstance(known, str) and known:
        text += f", known classes: {known}"
    if row.get("open_set") in (True, "True"):
        text += ", open set"
    share = row.get("unlabelled")
    if pd.notna(share) and share != "":
        text += f", {100 * float(share):g} % of the train images without labels"
    return f"{text}, groups kept apart" if row.get("group_by") else text


def is_of_splits(frame: pd.DataFrame) -> pd.Series[bool]:
    """Which rows are of a protocol over every split of a data set's classes."""
    return frame["protocol"] == frame["dataset"] + SPLITS_SUFFIX
