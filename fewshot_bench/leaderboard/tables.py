"""ResultsFolder -> tables. Pure: what the records hold decides, no clock and no file is looked at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from fewshot_bench.leaderboard.columns import condition_label, is_of_splits
from fewshot_bench.leaderboard.compare import LISTED, queries_of, ranks
from fewshot_bench.leaderboard.rows import Row, row_key, rows_of
from fewshot_bench.records.folder import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest
from fewshot_bench.stats import intervals as stats

__all__ = [
    "COLUMNS", "confusion", "costs", "described", "episode_accuracies", "leaderboard", "losses",
    "splits", "text", "timings", "wide",
]  # fmt: skip

CONFUSED = ["dataset", "protocol", "preset", "ways", "shots", "train_size", "queries", "baseline", "settings",
            "train_classes", "test_classes", "episodes_digest", "source", "version"]  # fmt: skip
ASKED = [
    "dataset",
    "protocol",
    "preset",
    "ways",
    "train_size",
    "shots",
    "queries",
    "episodes",
    "episode_seed",
]
COLUMNS = [
    "rank", "baseline", "encoder", "weights", "preset", "dataset", "protocol", "ways", "shots", "train_size", "queries",
    "episodes", "episode_seed", "seeds", "status", "accuracy", "ci95_low", "ci95_high", "ci95_kind", "ci95_episodes",
    "ci95_disjoint", "se_images", "se_seeds", "macro_recall", "macro_low", "macro_high", "rule", "transductive",
    "image_size", "images_passed", "precision", "parameters", "settings", "train_classes", "test_classes",
    "episodes_digest", "episodes_file", "dataset_digest", "source", "version", "published", "published_differs", "note",
    "key",
]  # fmt: skip


def leaderboard(answers: Sequence[Predictions], others: Iterable[Record] = ()) -> pd.DataFrame:
    """One row a baseline x shot value or train size, over its seeds or runs, with `COLUMNS`; `others` are records without
    an answer.

    A rank is 1 + the number of baselines that are significantly better within one data set, protocol, shot value or train
    size, and preset. Accuracies are fractions.
    """
    found, without = rows_of(answers), [(row_key(record), record) for record in others]
    rank, failed = ranks(found), Counter(key for key, _ in without)
    rows = [_row(entry, failed[key]) | {"rank": rank[key]} for key, entry in found.items()]
    missing = {key: record for key, record in without if key not in found}
    rows += [
        described(r) | {"seeds": 0, "status": r.status, "note": r.reason} for r in missing.values()
    ]
    whole = dict.fromkeys(("rank", "image_size", "images_passed", "parameters"), "Int64")
    frame = pd.DataFrame(rows, columns=COLUMNS).astype(whole)
    order = [
        *ASKED,
        "rank",
        "accuracy",
        "baseline",
        "settings",
        "source",
        "version",
        "train_classes",
        "episodes_digest",
    ]
    return frame.sort_values(
        order, ascending=[name != "accuracy" for name in order], ignore_index=True
    )


def described(record: Record) -> dict[str, object]:
    """The columns that say what was run and on what."""
    asked, b, settings = record.asked, record.baseline, record.baseline["settings"]
    return {
        **{name: getattr(asked, name) for name in ("dataset", "ways", "episode_seed")},
        **{name: settings.get(name) for name in ("encoder", "weights", "image_size", "precision")},
        "baseline": b["name"],
        "preset": b["preset"],
        "rule": b["rule"],
        "transductive": b["transductive"],
        "protocol": asked.name,
        "shots": record.shots,
        "train_size": record.train_size,
        "queries": queries_of(record),
        "episodes": record.episodes,
        "settings": _variant(record),
        "train_classes": LISTED.join(asked.train_classes),
        "test_classes": LISTED.join(asked.test_classes),
        "episodes_digest": record.episodes_digest,
        "episodes_file": record.episodes_file,
        "dataset_digest": record.dataset["digest"][:32],
        "source": b["sha256"][:12],
        "version": record.training["version"],
        **_published(record),
        "key": row_key(record)[:16],
    }


def _variant(record: Record) -> str:
    """Digest of the settings, but for a budget that follows from the number of train images."""
    settings = dict(record.baseline["settings"])
    if record.train_size is not None and "passes" not in record.baseline["settings_given"]:
        settings.pop("passes", None)
    return digest(settings)[:12]


def _published(record: Record) -> dict[str, object]:
    """The figure of a paper that stands beside this row, if there is one; it is never ranked."""
    for figure in record.baseline.get("published", []):
        if (figure["protocol"], figure["at"]) == (record.asked.name, record.at) and not figure.get(
            "group"
        ):
            return {"published": figure["accuracy"], "published_differs": figure["differs"]}
    return {}


def _row(entry: Row, failed: int) -> dict[str, object]:
    record, correct, found = entry.record, entry.correct(), entry.estimate()
    accuracy_T, trainings = correct.accuracy_ST.mean(0), len(entry.answers)
    notes = [f"{failed} of its {trainings + failed} trainings gave no result"] if failed else []
    if entry.is_classification:
        notes += (
            ["one run: the interval leaves out what other train images would change"]
            if trainings == 1
            else []
        )
        ways = record.asked.ways
        macro = entry.estimate(np.full(ways, 1 / ways))
        more = {"macro_recall": macro.accuracy, "macro_low": macro.low, "macro_high": macro.high}
        accuracy_T = correct.recall_STN[0] @ entry.shares_C
    else:
        needed = correct.design.episodes_needed()
        notes += [f"too few episodes for this interval: {needed} would do"] if needed else []
        more = {"ci95_disjoint": stats.disjoint_half_width(correct.design, accuracy_T)}
    return {
        **described(record),
        "seeds": trainings,
        "status": "ok",
        "accuracy": found.accuracy,
        "ci95_low": found.low,
        "ci95_high": found.high,
        "ci95_kind": found.kind,
        "ci95_episodes": stats.closed_half_width(accuracy_T),
        "se_images": found.se_images,
        "se_seeds": found.se_seeds if trainings > 1 else None,
        **more,
        "images_passed": record.training.get("images_passed"),
        "parameters": record.training.get("parameters"),
        "note": "; ".join(notes),
    }


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a baseline, a column a shot value or train size: "mean +- half-width", in fractions; empty where there is no
    result.
    """
    front = [
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
    ]
    back = [
        "train_classes",
        "test_classes",
        "episodes_file",
        "dataset_digest",
        "settings",
        "source",
        "version",
    ]
    asked = frame.assign(column=[condition_label(row) for row in frame.to_dict("records")])
    asked = asked.sort_values(["train_size", "shots"], na_position="first", kind="stable")
    columns = list(dict.fromkeys(asked["column"]))
    cells = asked.assign(
        cell=[
            _plus_minus(*row)
            for row in zip(asked["accuracy"], asked["ci95_low"], asked["ci95_high"], strict=True)
        ],
        encoder=asked["encoder"].fillna(""),
    )
    cells["again"] = cells.groupby(
        [*front, *back, "column"], dropna=False
    ).cumcount()  # rows that differ in none of these
    table = cells.pivot(
        index=[*front, *back, "again"], columns="column", values="cell"
    ).reset_index()
    return pd.DataFrame(table[[*front, *columns, *back]].rename_axis(columns=None))


def _plus_minus(accuracy: float, low: float, high: float) -> str:
    return "" if pd.isna(accuracy) else f"{accuracy:.4f} +- {(high - low) / 2:.4f}"


def splits(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a baseline x shot value over all splits of a data set's classes: mean, spread, worst and best split.

    Where a split is missing the mean is missing, never easier. Splits share classes and images, so that there is no
    interval over them.
    """
    among = ["dataset", "preset", "ways", "shots", "queries", "episodes", "baseline", "encoder", "settings", "source",
             "version", "episode_seed", "dataset_digest"]  # fmt: skip
    rows = []
    for values, part in frame[is_of_splits(frame)].groupby(among, sort=True, dropna=False):
        done = part.dropna(subset=["accuracy"])
        test, train = (
            len(str(part[name].iloc[0]).split(LISTED)) for name in ("test_classes", "train_classes")
        )
        expected = math.comb(test + train, test)
        row: dict[str, object] = dict(zip(among, values, strict=True)) | {
            "splits": len(done),
            "of": expected,
        }
        if len(done) == expected:
            worst, best = (
                done.loc[getattr(done["accuracy"], which)()] for which in ("idxmin", "idxmax")
            )
            row |= {"accuracy": done["accuracy"].mean(), "sd": done["accuracy"].std()}
            row |= {"worst": worst["accuracy"], "worst_test_classes": worst["test_classes"]}
            row |= {"best": best["accuracy"], "best_test_classes": best["test_classes"]}
        rows.append(row)
    columns = ["accuracy", "sd", "worst", "worst_test_classes", "best", "best_test_classes"]
    return pd.DataFrame(rows, columns=[*among, "splits", "of", *columns])


def confusion(answers: Sequence[Predictions]) -> pd.DataFrame:
    """A row a baseline x shot value x true class x predicted class: count over episodes and seeds, share of the true class.

    The share of a class predicted as itself is its recall.
    """
    rows = []
    for entry in rows_of(answers).values():
        names = entry.record.asked.test_classes
        design, size = entry.correct().design, len(names)
        true = np.broadcast_to(design.classes_TN[:, :, None], design.is_query_TNQ.shape)[
            design.is_query_TNQ
        ]
        taken = [true * size + predicted[design.is_query_TNQ] for predicted in entry.predicted_STNQ]
        counts = np.sum([np.bincount(pairs, minlength=size**2) for pairs in taken], axis=0).reshape(
            size, size
        )
        about = {name: described(entry.record)[name] for name in CONFUSED}
        for i, j in np.ndindex(*counts.shape):
            cell = {
                "class": names[i],
                "predicted": names[j],
                "count": counts[i, j],
                "share": counts[i, j] / counts[i].sum(),
            }
            rows.append(about | cell)
    return pd.DataFrame(rows, columns=[*CONFUSED, "class", "predicted", "count", "share"])


def episode_accuracies(answers: Sequence[Predictions]) -> pd.DataFrame:
    """A row an episode x baseline x shot value of few-shot protocols: its accuracy, mean over seeds."""
    parts = []
    for entry in (entry for entry in rows_of(answers).values() if not entry.is_classification):
        about = {name: described(entry.record)[name] for name in CONFUSED}
        parts.append(pd.DataFrame({**about, "accuracy": entry.correct().accuracy_ST.mean(0)}))
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=[*CONFUSED, "accuracy"])
    )


def costs(timings: pd.DataFrame) -> pd.DataFrame:
    """Mean seconds of a training and its embedding, by baseline and data set; of the frame of `timings`."""
    seconds = timings.assign(
        seconds=timings[["seconds_train", "seconds_embed"]].fillna(0).sum(axis=1)
    )
    return seconds.groupby(["baseline", "dataset"])[["seconds"]].mean().reset_index()


def losses(records: Iterable[Record]) -> pd.DataFrame:
    """A row a reported loss of each training."""
    trainings = {
        record.training["key"]: record for record in records if record.training.get("history")
    }
    rows = [
        {
            "dataset": record.dataset["name"],
            "preset": record.baseline["preset"],
            "baseline": record.baseline["name"],
            "training": key,
            "images_passed": passed,
            "loss": loss,
        }
        for key, record in trainings.items()
        for passed, loss in record.training["history"]
    ]
    return pd.DataFrame(
        rows, columns=["dataset", "preset", "baseline", "training", "images_passed", "loss"]
    )


def timings(records: Iterable[Record]) -> pd.DataFrame:
    """One row a record: seconds of training, embedding and scoring, and where."""
    rows = [
        {
            "baseline": record.baseline["name"],
            "dataset": record.dataset["name"],
            "shots": record.shots,
            "train_size": record.train_size,
            "seed": record.training["seed"],
            **{
                f"seconds_{stage}": record.seconds.get(stage)
                for stage in ("train", "embed", "score")
            },
            "device": record.provenance.get("device"),
            "threads": record.provenance.get("threads"),
            "started": record.provenance.get("started"),
            "key": record.key,
        }
        for record in records
    ]
    return pd.DataFrame(rows)


FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes the start of a formula by


def text(frame: pd.DataFrame) -> str:
    """A table as CSV, the same to the byte for the same records; text that a spreadsheet would run is quoted by '."""
    return str(frame.map(_harmless).to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
