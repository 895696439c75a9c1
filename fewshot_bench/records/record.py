"""What one cell gave, as it is written to disk and read back: nothing that is read is taken on trust."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from fewshot_bench.protocols.protocol import Classification, FewShot, Protocol
from fewshot_bench.protocols.split import Size, size_text
from fewshot_bench.published import Published

__all__ = ["SCHEMA", "Json", "Record", "Status", "read_record"]

SCHEMA = 2
Status = Literal["ok", "not applicable", "diverged", "failed"]
Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one cell (training x protocol x shot) gave. results/README.md says what each field holds."""

    schema: int = SCHEMA
    key: str
    status: Status
    reason: str = ""
    shots: int
    train_size: Size | None = None
    first_episode: int = 0
    episodes: int
    episodes_digests: dict[int, str]
    episodes_file: str = ""
    protocol: Json
    pool: list[tuple[int, int]]
    dataset: Json
    baseline: Json
    training: Json
    predictions: Json = field(default_factory=dict)
    seconds: Json = field(default_factory=dict)
    provenance: Json = field(default_factory=dict)

    @property
    def episodes_digest(self) -> str:
        """The digest of all its episodes."""
        return self.episodes_digests[self.episodes]

    @property
    def stem(self) -> str:
        """Its files' place below `records/`, without the ending."""
        seed, ways = self.training["seed"], self.asked.ways
        asked = (
            f"{ways}way-{self.shots}shot-seed{seed}"
            if self.train_size is None
            else f"train{self.at}-run{seed}"
        )
        return f"{self.dataset['name']}/{self.baseline['name']}/{asked}-{self.key[:16]}"

    @property
    def at(self) -> str:
        """Its shots or, in a classification protocol, its train size."""
        return size_text(self.shots if self.train_size is None else self.train_size)

    @property
    def failed(self) -> bool:
        """Whether it has no result where there should be one."""
        return self.status in ("failed", "diverged")

    @property
    def told(self) -> str:
        """In a line, what became of it."""
        asked = (
            f"{self.shots} shots, seed" if self.train_size is None else f"train size {self.at}, run"
        )
        return f"{self.baseline['name']}, {asked} {self.training['seed']}: {self.status}: {self.reason}"

    @functools.cached_property
    def asked(self) -> FewShot | Classification:
        """The protocol that `protocol` holds."""
        return Protocol.from_dict(self.protocol)


_HOLDS: dict[str, dict[str, type]] = {  # what readers of a record rely on
    "dataset": {"name": str, "digest": str},
    "baseline": {
        "name": str, "sha256": str, "preset": str, "rule": str, "transductive": bool, "settings": dict,
        "settings_given": dict,
    },
    "training": {"key": str, "seed": int, "version": str},
    "seconds": {},
    "provenance": {},
}  # fmt: skip


_MAY_HOLD: dict[str, type | tuple[type, ...]] = {  # of a baseline's settings or of a training, where it is there
    "encoder": str, "weights": str, "precision": str, "image_size": int, "images_passed": int, "parameters": int,
    "history": list,
}  # fmt: skip


def read_record(values: object) -> Record:
    """The record of these values; raises one error or another where they are not one's."""
    if not isinstance(values, dict) or not isinstance(values.get("schema"), int):
        raise ValueError("it has no schema version")
    if values["schema"] > SCHEMA:
        raise ValueError(
            f"its schema {values['schema']} is newer than {SCHEMA}; update fewshot-bench"
        )
    if values["status"] not in get_args(Status):
        raise ValueError(f"unknown status {values['status']!r}")
    for part, fields in _HOLDS.items():
        if not isinstance(values[part], dict):
            raise TypeError(f"{part} is {values[part]!r}, not an object")
        for name, kind in fields.items():
            if not isinstance(values[part][name], kind):
                raise TypeError(f"{part}.{name} is {values[part][name]!r}, not {kind.__name__}")
    values["episodes_digests"] = {
        int(count): str(digest) for count, digest in values["episodes_digests"].items()
    }
    values["pool"] = [(int(first), int(count)) for first, count in values["pool"]]
    for part in (values["baseline"]["settings"], values["training"]):
        for name in _MAY_HOLD.keys() & part.keys():
            if part[name] is not None and not isinstance(part[name], _MAY_HOLD[name]):
                raise TypeError(f"{name} is {part[name]!r}, not {_MAY_HOLD[name]}")
    if "history" in values["training"]:
        values["training"]["history"] = [
            (int(passed), float(loss)) for passed, loss in values["training"]["history"]
        ]
    record = Record(**values)
    for name in ("shots", "episodes", "first_episode"):
        if type(getattr(record, name)) is not int:  # nor a truth value
            raise TypeError(f"{name} is {getattr(record, name)!r}, not int")
    for figure in (*record.baseline.get("published", []), *record.dataset.get("published", [])):
        Published(**{name: value for name, value in figure.items() if name != "system"})
    asked = record.asked
    if not all(
        isinstance(word, str)
        for word in (asked.name, asked.dataset, *asked.train_classes, *asked.test_classes)
    ):
        raise TypeError(
            f"its protocol names {asked.name!r}, {asked.dataset!r}, {asked.train_classes}, {asked.test_classes}"
        )
    record.episodes_digest  # noqa: B018  is there
    if record.status == "ok" and not all(
        isinstance(record.predictions[name], str) for name in ("file", "sha256")
    ):
        raise TypeError("its predictions name no file")
    return record
