"""Predictions become tables. What the records hold decides: no clock and no file is looked at.

Shapes: T episodes, N ways, C test classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.data.reading import told
from fewshot_bench.leaderboard.columns import (
    BY_CONDITION,
    CONFUSION,
    EPISODES,
    LEADERBOARD,
    SPLITS,
    WIDE_BACK,
    WIDE_FRONT,
    condition_label,
    is_of_splits,
)
from fewshot_bench.leaderboard.compare import places
from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.notes import notes_of
from fewshot_bench.leaderboard.open_rows import known_classes, true_classes
from fewshot_bench.leaderboard.pair_rows import ANSWERS, true_answers
from fewshot_bench.leaderboard.record_columns import LISTED, record_columns, row_key
from fewshot_bench.leaderboard.rows import Row, rows_of
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.records.answered import NO_CLASS, NO_PREDICTION
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.stats.intervals import closed_half_width, disjoint_half_width

__all__ = [
    "confusion",
    "csv_text",
    "episode_accuracies",
    "leaderboard",
    "number_of_splits",
    "splits",
    "wide",
]

Names = Mapping[str, str]  # row key -> name of the row


def leaderboard(
    predictions: Sequence[Predictions],
    others: Iterable[Record] = (),
    names: Names | None = None,
) -> pd.DataFrame:
    """One row a baseline x shot value or train size, over its seeds or runs.

    others: records without predictions; names: as `row_names` gives them for all these records. A
    rank is 1 + the number of baselines that are significantly better within one question and shot
    value or train size. Accuracies are fractions.
    """
    without = [(row_key(record), record) for record in others]
    if names is None:
        records = [one.record for one in predictions]
        names = row_names([*records, *(record for _, record in without)])
    rows = rows_of(predictions, names)
    place = places(rows)
    failures = Counter(key for key, _ in without)
    table = []
    for key, row in told(rows.items(), "rows of the leaderboard", len(rows)):
        table.append({**_result_row(row, failures[key]), **vars(place[key])})
    missing = {key: record for key, record in without if key not in rows}
    for key, record in missing.items():
        status = {"seeds": 0, "status": record.status, "note": record.reason}
        table.append({**record_columns(record, names[key]), **status})
    frame = pd.DataFrame(table, columns=list(LEADERBOARD))
    whole_numbers = ("rank", "pairs", "episodes", "image_size", "images_passed", "parameters")
    return _sorted(frame.astype(dict.fromkeys(whole_numbers, "Int64")))


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By question and condition, then by rank, and within a rank the highest accuracy first."""
    question = ["dataset", "protocol", "preset", "ways", *BY_CONDITION, "queries"]
    episodes = ["episodes", "episode_seed"]
    last = ["baseline", "settings", "source", "version", "train_classes", "episodes_digest"]
    order = [*question, *episodes, "rank", "accuracy", *last]
    ascending = [name != "accuracy" for name in order]
    return frame.sort_values(order, ascending=ascending, ignore_index=True)


def _result_row(row: Row, failures: int) -> dict[str, Any]:
    """What a leaderboard says of a row. failures: trainings of this row without a result."""
    record = row.record
    estimate = row.estimate()
    trainings = len(row.predictions)
    details = _details(row)
    return {
        **record_columns(record, row.name),
        "seeds": trainings,
        "status": "ok",
        "accuracy": estimate.accuracy,
        "ci95_low": estimate.low,
        "ci95_high": estimate.high,
        "ci95_kind": estimate.kind,
        "se_images": estimate.se_images,
        "se_seeds": estimate.se_seeds if trainings > 1 else None,
        **details,
        "images_passed": record.training.images_passed,
        "parameters": record.training.parameters,
        "note": "; ".join(notes_of(row, estimate, failures)),
    }


def _details(row: Row) -> dict[str, Any]:
    """What stands beside the accuracy of a row, by its kind of protocol."""
    if row.is_classification:
        return _run_details(row)
    if row.is_of_pairs:
        return row.pair_row.columns()
    opened = row.open_row().columns() if isinstance(row.record.protocol, OpenWorld) else {}
    # over episodes there are intervals of the accuracy on new classes alone
    return opened if row.has_known else {**_episode_details(row), **opened}


def _run_details(row: Row) -> dict[str, Any]:
    """Macro recall and the closed-form interval of a classification protocol."""
    correctness = row.correctness()
    classes = row.record.protocol.ways
    macro = row.estimate(np.full(classes, 1 / classes))
    accuracy_T = (correctness.recall_STN[0] * row.shares_RC).sum(1)
    return {
        "macro_recall": macro.accuracy,
        "macro_low": macro.low,
        "macro_high": macro.high,
        "ci95_episodes": closed_half_width(accuracy_T),
    }


def _episode_details(row: Row) -> dict[str, Any]:
    """The closed-form and disjoint intervals of a few-shot protocol."""
    correctness = row.correctness()
    design = correctness.design
    accuracy_T = correctness.accuracy_ST.mean(0)
    return {
        "ci95_episodes": closed_half_width(accuracy_T),
        "ci95_disjoint": disjoint_half_width(design, accuracy_T),
    }


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a baseline, a column a shot value or train size; of the frame of `leaderboard`.

    A cell is "mean [low, high]", in fractions, and empty where there is no result.
    """
    labelled = frame.assign(column=[condition_label(row) for row in frame.to_dict("records")])
    ordered = labelled.sort_values([*BY_CONDITION], na_position="first", kind="stable")
    columns = list(dict.fromkeys(ordered["column"]))
    texts = [_with_interval(row) for row in ordered.to_dict("records")]
    cells = ordered.assign(cell=texts, encoder=ordered["encoder"].fillna(""))
    index = [*WIDE_FRONT, *WIDE_BACK]
    # rows that differ in none of these columns stay apart
    cells["again"] = cells.groupby([*index, "column"], dropna=False).cumcount()
    table = cells.pivot(index=[*index, "again"], columns="column", values="cell").reset_index()
    shown = table[[*WIDE_FRONT, *columns, *WIDE_BACK]]
    return pd.DataFrame(shown.rename_axis(columns=None))


def _with_interval(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["accuracy"]):
        return ""
    text = f"{row['accuracy']:.4f}"
    if pd.isna(row["ci95_low"]):
        return text
    return f"{text} [{row['ci95_low']:.4f}, {row['ci95_high']:.4f}]"


def splits(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a baseline x shot value over all splits of the classes; of the frame of `leaderboard`.

    It has mean, spread, worst and best split. Where a split is missing, these are missing too: a
    mean over fewer splits could be of the easier ones. Splits share classes and images, so there is
    no interval over them.
    """
    shared = SPLITS[: SPLITS.index("splits")]
    table = []
    of_splits = frame[is_of_splits(frame)]
    for values, part in of_splits.groupby(list(shared), sort=True, dropna=False):
        row: dict[str, Any] = dict(zip(shared, values, strict=True))
        done = part.dropna(subset=["accuracy"])
        row["splits"] = len(done)
        row["of"] = number_of_splits(part.iloc[0].to_dict())
        if row["splits"] == row["of"]:
            worst = done.nsmallest(1, "accuracy").iloc[0]
            best = done.nlargest(1, "accuracy").iloc[0]
            row["accuracy"] = done["accuracy"].mean()
            row["sd"] = done["accuracy"].std()
            row["worst"] = worst["accuracy"]
            row["worst_test_classes"] = worst["test_classes"]
            row["best"] = best["accuracy"]
            row["best_test_classes"] = best["test_classes"]
        table.append(row)
    return pd.DataFrame(table, columns=list(SPLITS))


def number_of_splits(row: Mapping[Any, Any]) -> int:
    """How many choices of the test classes there are. row: of the leaderboard."""
    test = len(str(row["test_classes"]).split(LISTED))
    train = len(str(row["train_classes"]).split(LISTED))
    return math.comb(test + train, test)


def confusion(predictions: Sequence[Predictions], names: Names | None = None) -> pd.DataFrame:
    """A row a baseline x condition x true class x predicted class; of pairs: same or different.

    count: over episodes and seeds; share: of the true class. The share of a class that is predicted
    as itself is its recall. Where a head said that pictures are of none of the classes, that is a
    predicted class too.
    """
    table = []
    for row in rows_of(predictions, names).values():
        classes = (*row.record.protocol.test_classes, *known_classes(row.record))
        if row.is_of_pairs:
            classes = tuple(ANSWERS.values())
        counts_CP = _confusion_counts(row, len(classes))
        predictable = (*classes, NONE_OF_THEM)[: counts_CP.shape[1]]
        totals_C = counts_CP.sum(1)
        columns = record_columns(row.record, row.name)
        for true, predicted in np.ndindex(*counts_CP.shape):
            count = counts_CP[true, predicted]
            cell = {
                "class": classes[true],
                "predicted": predictable[predicted],
                "count": count,
                "share": count / totals_C[true],
            }
            table.append({**columns, **cell})
    return pd.DataFrame(table, columns=list(CONFUSION)).astype({"pairs": "Int64"})


def _confusion_counts(row: Row, size: int) -> npt.NDArray[np.int64]:
    """Queries by true class (row) and predicted class (column), over episodes and seeds.

    size: number of classes, or of answers about pairs. The last column is of none of the classes;
    it is there if that was ever predicted.
    """
    counts_CP = np.zeros((size, size + 1), dtype=np.int64)
    for one in row.predictions:
        for episodes, answered in one.parts():
            predicted_TA = answered.predicted_TA
            true_TA = true_classes(episodes)
            if row.is_of_pairs:
                true_TA = true_answers(one.record, episodes)
            is_counted_TA = (true_TA >= 0) & (predicted_TA != NO_PREDICTION)
            predicted = np.where(predicted_TA == NO_CLASS, size, predicted_TA)[is_counted_TA]
            pairs = true_TA[is_counted_TA].astype(np.int64) * (size + 1) + predicted
            counts_CP += np.bincount(pairs, minlength=counts_CP.size).reshape(counts_CP.shape)
    return counts_CP if counts_CP[:, size].any() else counts_CP[:, :size]


def episode_accuracies(
    predictions: Sequence[Predictions], names: Names | None = None
) -> pd.DataFrame:
    """A row a baseline x shot value x accuracy of few-shot protocols: how many episodes have it.

    The accuracy of an episode is the mean over seeds; with known classes, of the queries of new
    classes. count: of these episodes.
    """
    parts = []
    for row in rows_of(predictions, names).values():
        if not (row.is_classification or row.is_of_pairs):
            columns = record_columns(row.record, row.name)
            accuracy_T = row.correctness().accuracy_ST.mean(0)
            accuracies, counts = np.unique(accuracy_T, return_counts=True)
            parts.append(pd.DataFrame({**columns, "accuracy": accuracies, "count": counts}))
    if not parts:
        return pd.DataFrame(columns=list(EPISODES))
    return pd.concat(parts, ignore_index=True)[list(EPISODES)]


NONE_OF_THEM = "none of these"  # a predicted class
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # the starts of a text that a spreadsheet would run


def csv_text(frame: pd.DataFrame) -> str:
    """A table as CSV, the same to the byte for the same records.

    A text that a spreadsheet would run begins with '.
    """
    harmless = frame.map(_harmless)
    return str(harmless.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def _harmless(cell: object) -> object:
    is_formula = isinstance(cell, str) and cell.startswith(FORMULA)
    return f"'{cell}" if is_formula else cell
