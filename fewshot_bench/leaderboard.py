"""Records -> tables. Pure: what the records hold decides, no clock and no file is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd

from fewshot_bench import stats
from fewshot_bench.episode import Episodes
from fewshot_bench.records import Answer, Record
from fewshot_bench.seeds import digest

__all__ = ["COLUMNS", "design", "leaderboard", "text", "timings", "wide"]

ASKED = ["dataset", "protocol", "preset", "ways", "shots", "queries", "episodes", "episode_seed"]
COLUMNS = [
    "rank", "baseline", "encoder", "weights", "preset", "dataset", "protocol", "ways", "shots", "queries", "episodes",
    "episode_seed", "seeds", "status", "accuracy", "ci95_low", "ci95_high", "ci95_kind", "ci95_episodes", "se_images",
    "se_seeds", "rule", "transductive", "image_size", "images_passed", "precision", "parameters", "settings",
    "train_classes", "test_classes", "episodes_digest", "dataset_digest", "source", "version", "note",
]  # fmt: skip


def design(answer: Answer) -> stats.Design:
    """What an answer was asked, with images as positions in the pool of its protocol's test classes."""
    return _design(answer.episodes, tuple(map(tuple, answer.record.pool)))


@lru_cache(maxsize=8)
def _design(episodes: Episodes, pool: tuple[tuple[int, int], ...]) -> stats.Design:
    labels = np.repeat(np.arange(len(pool)), [count for _, count in pool])
    position = np.full(max(first + count for first, count in pool), -1)
    position[np.concatenate([np.arange(first, first + count) for first, count in pool])] = np.arange(len(labels))
    query = np.where(episodes.asked_TNQ, position[episodes.query_TNQ], -1)
    return stats.Design(episodes.classes_TN, position[episodes.support_TNK], query, labels)


def leaderboard(answers: Iterable[Answer], others: Iterable[Record] = ()) -> pd.DataFrame:
    """One row a baseline x shot, over its seeds, with `COLUMNS`; `others` are records without an answer.

    Ranks hold within one data set, protocol, shot value and preset. Accuracies are fractions.
    """
    groups: dict[str, list[Answer]] = {}
    for answer in answers:
        groups.setdefault(_row_key(answer.record), []).append(answer)
    rows = [_row(group) for group in groups.values()]
    missing: dict[str, Record] = {}
    for record in others:
        if _row_key(record) not in groups:
            missing.setdefault(_row_key(record), record)
    rows += [
        _described(record) | {"seeds": 0, "status": record.status, "note": record.reason} for record in missing.values()
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    among = ["dataset_digest", "train_classes", "test_classes", "ways", "shots", "queries", "episode_seed", "preset"]
    frame["rank"] = frame.groupby(among)["accuracy"].rank(method="min", ascending=False).astype("Int64")
    return frame.sort_values([*ASKED, "rank", "baseline", "settings", "source"], ignore_index=True)


def _row_key(record: Record) -> str:
    """What the seeds of one row share."""
    b = record.baseline
    return digest(record.protocol, record.dataset["digest"], record.shots, record.episodes_digest, b["preset"], b["name"],
                  b["settings"], b["sha256"])  # fmt: skip


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
        "train_classes": " ".join(p["train_classes"]),
        "test_classes": " ".join(p["test_classes"]),
        "episodes_digest": record.episodes_digest,
        "dataset_digest": record.dataset["digest"][:32],
        "source": b["sha256"][:12],
        "version": record.provenance.get("version"),
    }


def _row(group: Sequence[Answer]) -> dict[str, object]:
    group = sorted(group, key=lambda answer: answer.record.training["seed"])
    asked, record = design(group[0]), group[0].record
    correct = [answer.correct_TNQ for answer in group]
    found = stats.estimate(asked, correct)
    needed = asked.episodes_needed()
    return {
        **_described(record),
        "seeds": len(group),
        "status": "ok",
        "accuracy": found.accuracy,
        "ci95_low": found.low,
        "ci95_high": found.high,
        "ci95_kind": found.kind,
        "ci95_episodes": stats.closed_half_width(asked.accuracy_T(np.mean(correct, axis=0))),
        "se_images": found.se_images,
        "se_seeds": found.se_seeds if len(group) > 1 else None,
        "images_passed": record.training.get("images_passed"),
        "parameters": record.training.get("parameters"),
        "note": f"too few episodes for this interval: {needed} would do" if needed else "",
    }


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a baseline, a column a shot value: "mean +- half-width", in fractions; empty where there is no result."""
    keys = ["dataset", "protocol", "preset", "ways", "queries", "episodes", "episode_seed", "baseline", "encoder", "seeds",
            "settings", "source"]  # fmt: skip
    cells = frame.assign(
        shots=[f"{shots}-shot" for shots in frame["shots"]],
        cell=[_plus_minus(*row) for row in zip(frame["accuracy"], frame["ci95_low"], frame["ci95_high"], strict=True)],
        encoder=frame["encoder"].fillna(""),
    )
    table = cells.pivot(index=keys, columns="shots", values="cell").reset_index()
    shots = sorted((name for name in table.columns if name not in keys), key=lambda name: int(name.split("-")[0]))
    return pd.DataFrame(table[[*keys, *shots]].rename_axis(columns=None))


def _plus_minus(accuracy: float, low: float, high: float) -> str:
    return "" if pd.isna(accuracy) else f"{accuracy:.4f} +- {(high - low) / 2:.4f}"


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
