"""What a cell of the report page opens: its confusion, its hardest pictures, how it was made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.leaderboard.columns import condition_label
from fewshot_bench.leaderboard.hardest import hardest
from fewshot_bench.leaderboard.record_columns import row_key
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.leaderboard.tables import confusion
from fewshot_bench.records.predictions import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.report.thumbnails import jpeg_source

__all__ = ["Pictures", "details_of"]

HARDEST = 6  # pictures of a cell
MOST_PICTURES = 300  # of a page: about 1 MB
SIDE = 96  # pixels of a picture
IN_THE_TABLE = ("rank", "ties", "key")
# the starts of the names of columns that hold fractions
SHARES = ("accuracy", "ci95_", "se_", "macro", "auroc", "false_accepts", "published")
NO_SHARES = ("ci95_kind", "published_differs")
Json = dict[str, Any]
Values = Mapping[Hashable, Any]


@dataclass(eq=False)
class Pictures:
    """The pictures that a page embeds, each once.

    at_hand: images by the digest of their data set; sources: of what is embedded, by its name;
    left_out: how many pictures were too many.
    """

    at_hand: Mapping[str, LabelledImages]
    sources: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)

    def add(self, digest: str, image: int) -> Json:
        """Embed an image, if it is at hand and there is room; its name in the page and its file."""
        data = self.at_hand.get(digest)
        if data is None:
            return {"picture": "", "file": ""}
        name = f"{digest[:8]}-{image}"
        if name not in self.sources and len(self.sources) >= MOST_PICTURES:
            self.left_out.add(name)
            return {"picture": "", "file": data.files[image]}
        if name not in self.sources:
            self.sources[name] = jpeg_source(data.images[image], SIDE)
        return {"picture": name, "file": data.files[image]}


def details_of(
    leaderboard: pd.DataFrame,
    records: Sequence[Record],
    predictions: Sequence[Predictions],
    names: Mapping[str, str],
    pictures: Pictures,
) -> Json:
    """The details of each row of a leaderboard, by its key; its pictures go into `pictures`."""
    first_records: dict[str, Record] = {}
    for record in records:
        first_records.setdefault(_short(row_key(record)), record)
    rows = {_short(key): row for key, row in rows_of(predictions, names).items()}
    details = {}
    # the most shots first: there is room for so many pictures
    ordered = leaderboard.sort_values(["train_size", "shots"], ascending=False, kind="stable")
    for values in ordered.to_dict("records"):
        key = values["key"]
        details[key] = {
            "name": values["baseline"],
            "condition": condition_label(values),
            "facts": _facts(values),
            "made": _made(first_records[key]),
        }
        if key in rows:
            own = rows[key].predictions
            details[key]["confusion"] = _confusion(confusion(own, names))
            details[key]["hardest"] = _hardest(hardest(own).head(HARDEST), pictures)
    return details


def _short(key: str) -> str:
    """A row's key as the leaderboard has it."""
    return key[:16]


def _facts(values: Values) -> list[tuple[str, str]]:
    """What the leaderboard says of a row, without what is empty."""
    facts: list[tuple[str, str]] = []
    for name, value in values.items():
        column = str(name)
        is_missing = bool(pd.isna(value)) or value == ""
        if column in IN_THE_TABLE or is_missing:
            continue
        is_share = column.startswith(SHARES) and column not in NO_SHARES
        text = f"{100 * value:.2f} %" if is_share else str(value)
        facts.append((column.replace("_", " "), text))
    return facts


def _confusion(frame: pd.DataFrame) -> Json:
    """Classes by rows, what they were taken for by columns."""
    counts = frame.pivot_table(index="class", columns="predicted", values="count", sort=False)
    return {
        "classes": list(counts.index),
        "taken_for": list(counts.columns),
        "counts": counts.astype(int).to_numpy().tolist(),
    }


def _hardest(frame: pd.DataFrame, pictures: Pictures) -> list[Json]:
    found = []
    for row in frame[frame["wrong"] > 0].to_dict("records"):
        embedded = pictures.add(row["dataset_digest"], row["image"])
        told = {name: row[name] for name in ("class", "taken_for", "asked", "wrong")}
        found.append({**embedded, **told})
    return found


def _made(record: Record) -> list[tuple[str, str]]:
    """How its first training was set up, and where it was made."""
    # pairs and no dictionary: a setting may be called like an item of the provenance
    settings = []
    for name, value in record.baseline.settings.items():
        is_given = name in record.baseline.settings_given
        settings.append((name, f"{value} (given)" if is_given else str(value)))
    made = record.provenance
    edited = " (edited)" if made.dirty else ""
    packages = [f"{name} {number}" for name, number in made.packages.items()]
    seconds = [f"{stage} {number}" for stage, number in record.seconds.items()]
    provenance = {
        "source": record.baseline.sha256,
        "data set digest": record.dataset.digest,
        "episodes": record.episodes_digest,
        "version": record.training.version,
        "commit": f"{made.commit}{edited}",
        "device": made.device,
        "threads": made.threads,
        "instructions": made.instructions,
        "python": made.python,
        "started": made.started,
        "packages": ", ".join(packages),
        "seconds": ", ".join(seconds),
    }
    known = [(name, str(value)) for name, value in provenance.items() if value]
    return [*settings, *known]
