"""Records -> tables. Pure: what the records hold decides, no clock and no file is looked at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from fewshot_bench import stats
from fewshot_bench.compare import LISTED, Entry, entries, ranks, row_key
from fewshot_bench.records import Answer, Record
from fewshot_bench.seeds import digest

__all__ = ["COLUMNS", "confusion", "leaderboard", "splits", "text", "timings", "wide"]

SPLITS = "-splits"  # ends the name of the protocol that every split of a data set shares
CONFUSED = ["dataset", "protocol", "preset", "ways", "shots", "queries", "baseline", "settings", "train_classes",
            "test_classes", "episodes_digest", "source", "version"]  # fmt: skip
ASKED = ["dataset", "protocol", "preset", "ways", "shots", "queries", "episodes", "episode_seed"]
COLUMNS = [
    "rank", "baseline", "encoder", "weights", "preset", "dataset", "protocol", "ways", "shots", "queries", "episodes",
    "episode_seed", "seeds", "status", "accuracy", "ci95_low", "ci95_high", "ci95_kind", "ci95_episodes", "ci95_disjoint",
    "se_images", "se_seeds", "rule", "transductive", "image_size", "images_passed", "precision", "parameters", "settings",
    "train_classes", "test_classes", "episodes_digest", "episodes_file", "dataset_digest", "source", "version",
    "published", "published_differs", "note", "key",
]  # fmt: skip


def leaderboard(answers: Sequence[Answer], others: Iterable[Record] = ()) -> pd.DataFrame:
    """One row a baseline x shot, over its seeds, with `COLUMNS`; `others` are records without an answer.

    A rank is 1 + the number of baselines that are significantly better within one data set, protocol, shot value and
    preset. Accuracies are fractions.
    """
    found = entries(answers)
    rank = ranks(found)
    rows = [_row(entry) | {"rank": rank[key]} for key, entry in found.items()]
    missing = {row_key(record): record for record in others if row_key(record) not in found}
    rows += [_described(r) | {"seeds": 0, "status": r.status, "note": r.reason} for r in missing.values()]
    whole = dict.fromkeys(("rank", "image_size", "images_passed", "parameters"), "Int64")
    frame = pd.DataFrame(rows, columns=COLUMNS).astype(whole)
    order = [*ASKED, "rank", "accuracy", "baseline", "settings", "source", "version", "train_classes", "episodes_digest"]
    return frame.sort_values(order, ascending=[name != "accuracy" for name in order], ignore_index=True)


def _described(record: Record) -> dict[str, object]:
    """The columns that say what was run and on what."""
    p, b, settings = record.protocol, record.baseline, record.baseline["settings"]
    return {
        **{name: p[name] for name in ("dataset", "ways", "episode_seed")},
        **{name: settings.get(name) for name in ("encoder", "weights", "image_size", "precision")},
        "baseline": b["name"],
        "preset": b["preset"],
        "rule": b["rule"],
        "transductive": b["transductive"],
        "protocol": p["name"],
        "shots": record.shots,
        "queries": p["queries"] or "all",
        "episodes": record.episodes,
        "settings": digest(settings)[:12],
        "train_classes": LISTED.join(p["train_classes"]),
        "test_classes": LISTED.join(p["test_classes"]),
        "episodes_digest": record.episodes_digest,
        "episodes_file": record.episodes_file,
        "dataset_digest": record.dataset["digest"][:32],
        "source": b["sha256"][:12],
        "version": record.training["version"],
        **_published(record),
        "key": row_key(record)[:16],
    }


def _published(record: Record) -> dict[str, object]:
    """The figure of a paper that stands beside this row, if there is one; it is never ranked."""
    for figure in record.baseline.get("published", []):
        if (figure["protocol"], figure["at"]) == (record.protocol["name"], str(record.shots)):
            return {"published": figure["accuracy"], "published_differs": figure["differs"]}
    return {}


def _row(entry: Entry) -> dict[str, object]:
    record, correct = entry.record, entry.correct()
    found, accuracy_T = stats.estimate(correct), correct.accuracy_ST.mean(0)
    needed = correct.design.episodes_needed()
    return {
        **_described(record),
        "seeds": correct.seeds,
        "status": "ok",
        "accuracy": found.accuracy,
        "ci95_low": found.low,
        "ci95_high": found.high,
        "ci95_kind": found.kind,
        "ci95_episodes": stats.closed_half_width(accuracy_T),
        "ci95_disjoint": stats.disjoint_half_width(correct.design, accuracy_T),
        "se_images": found.se_images,
        "se_seeds": found.se_seeds if correct.seeds > 1 else None,
        "images_passed": record.training.get("images_passed"),
        "parameters": record.training.get("parameters"),
        "note": f"too few episodes for this interval: {needed} would do" if needed else "",
    }


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a baseline, a column a shot value: "mean +- half-width", in fractions; empty where there is no result."""
    front = ["dataset", "protocol", "preset", "ways", "queries", "episodes", "episode_seed", "baseline", "encoder", "seeds"]
    back = ["train_classes", "test_classes", "episodes_file", "dataset_digest", "settings", "source", "version"]
    cells = frame.assign(
        shots=[f"{shots}-shot" for shots in frame["shots"]],
        cell=[_plus_minus(*row) for row in zip(frame["accuracy"], frame["ci95_low"], frame["ci95_high"], strict=True)],
        encoder=frame["encoder"].fillna(""),
    )
    table = cells.pivot(index=[*front, *back], columns="shots", values="cell").reset_index()
    shots = [f"{shots}-shot" for shots in sorted(frame["shots"].unique())]
    return pd.DataFrame(table[[*front, *shots, *back]].rename_axis(columns=None))


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
    for values, part in frame[frame["protocol"] == frame["dataset"] + SPLITS].groupby(among, sort=True, dropna=False):
        done = part.dropna(subset=["accuracy"])
        test, train = (len(str(part[name].iloc[0]).split(LISTED)) for name in ("test_classes", "train_classes"))
        expected = math.comb(test + train, test)
        row: dict[str, object] = dict(zip(among, values, strict=True)) | {"splits": len(done), "of": expected}
        if len(done) == expected:
            worst, best = (done.loc[getattr(done["accuracy"], which)()] for which in ("idxmin", "idxmax"))
            row |= {"accuracy": done["accuracy"].mean(), "sd": done["accuracy"].std()}
            row |= {"worst": worst["accuracy"], "worst_test_classes": worst["test_classes"]}
            row |= {"best": best["accuracy"], "best_test_classes": best["test_classes"]}
        rows.append(row)
    columns = ["accuracy", "sd", "worst", "worst_test_classes", "best", "best_test_classes"]
    return pd.DataFrame(rows, columns=[*among, "splits", "of", *columns])


def confusion(answers: Sequence[Answer]) -> pd.DataFrame:
    """A row a baseline x shot value x true class x predicted class: count over episodes and seeds, share of the true class.

    The share of a class predicted as itself is its recall.
    """
    rows = []
    for entry in entries(answers).values():
        names = entry.record.protocol["test_classes"]
        design, size = entry.correct().design, len(names)
        true = np.broadcast_to(design.classes_TN[:, :, None], design.asked_TNQ.shape)[design.asked_TNQ]
        taken = [true * size + answer.predicted_TNQ[design.asked_TNQ] for answer in entry.answers]
        counts = np.sum([np.bincount(pairs, minlength=size**2) for pairs in taken], axis=0).reshape(size, size)
        about = {name: _described(entry.record)[name] for name in CONFUSED}
        for i, j in np.ndindex(*counts.shape):
            cell = {
                "class": names[i],
                "predicted": names[j],
                "count": counts[i, j],
                "share": counts[i, j] / counts[i].sum(),
            }
            rows.append(about | cell)
    return pd.DataFrame(rows, columns=[*CONFUSED, "class", "predicted", "count", "share"])


def timings(records: Iterable[Record]) -> pd.DataFrame:
    """One row a record: seconds of training, embedding and scoring, and where."""
    rows = [
        {
            "baseline": record.baseline["name"],
            "dataset": record.dataset["name"],
            "shots": record.shots,
            "seed": record.training["seed"],
            **{f"seconds_{stage}": record.seconds.get(stage) for stage in ("train", "embed", "score")},
            "device": record.provenance.get("device"),
            "threads": record.provenance.get("threads"),
            "started": record.provenance.get("started"),
            "key": record.key,
        }
        for record in records
    ]
    return pd.DataFrame(rows)


def text(frame: pd.DataFrame) -> str:
    """A table as CSV, the same to the byte for the same records."""
    return str(frame.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
