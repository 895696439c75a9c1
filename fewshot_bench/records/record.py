"""What one cell gave, as it is written to disk and read back. What is read is checked."""

from __future__ import annotations

import typing
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from fewshot_bench.protocols.episode import ImageGroups, Pool
from fewshot_bench.protocols.split import Size
from fewshot_bench.protocols.stored import AnyProtocol, protocol_of
from fewshot_bench.published import Published
from fewshot_bench.records.parts import Part, check_type, converted, read_part
from fewshot_bench.records.paths import record_stem

__all__ = [
    "OF_TRAIN_PAIRS",
    "OWN_THRESHOLD",
    "RULE_SETTING",
    "SCHEMA",
    "ArrayFile",
    "BaselinePart",
    "DataSetPart",
    "Provenance",
    "Record",
    "Status",
    "SystemFigure",
    "Threshold",
    "TrainingPart",
    "read_record",
]

SCHEMA = 2
OWN_THRESHOLD = "own"  # where a threshold comes from
OF_TRAIN_PAIRS = "pairs of train images"
RULE_SETTING = "rule."  # names of a rule's settings start so beside those of the baseline
Status = Literal["ok", "not applicable", "diverged", "failed"]
Json = dict[str, Any]


@dataclass(frozen=True)
class SystemFigure(Published):
    """A figure that a paper prints for `system`, which is no baseline here."""

    system: str = ""


@dataclass(frozen=True, kw_only=True)
class DataSetPart:
    """The data set. digest: of pixels and labels; dropped: byte-identical copies left out.

    group_by: where the groups of its images come from, or empty.
    contradictory: files left out because the same picture lies in another class too;
    near_duplicates: images that are near-duplicates of an earlier one of their class, None if they
    were not searched; near_duplicates_dropped: how many of them were left out; notes: what was left
    out or changed when the files were read.
    """

    name: str
    digest: str
    images: int = 0
    dropped: int = 0
    group_by: str = ""
    contradictory: int = 0
    near_duplicates: int | None = None
    near_duplicates_dropped: int = 0
    notes: tuple[str, ...] = ()
    published: tuple[SystemFigure, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BaselinePart:
    """The baseline: digest of its code, its card, rule, preset, and settings."""

    name: str
    sha256: str
    title: str = ""
    paper: str = ""
    year: int | None = None
    transductive: bool
    published: tuple[Published, ...] = ()
    rule: str
    # of a rule on features: whether it is the baseline's own, its code, its settings, and those
    # that the user gave
    is_own_rule: bool = True
    rule_sha256: str = ""
    rule_settings: Json = field(default_factory=dict)
    rule_settings_given: Json = field(default_factory=dict)
    preset: str
    settings_given: Json
    settings: Json

    @property
    def answerer(self) -> str:
        """Its name, with that of the rule where it is not the baseline's own."""
        return self.name if self.is_own_rule else f"{self.name}+{self.rule}"

    @property
    def all_settings(self) -> Json:
        """Its settings and those of its rule, which start with `rule.`."""
        settings = dict(self.settings)
        for name, value in self.rule_settings.items():
            settings[f"{RULE_SETTING}{name}"] = value
        return settings

    @property
    def code(self) -> tuple[str, ...]:
        """Digests of its code and, if there is one, of its rule's."""
        return (self.sha256, self.rule_sha256) if self.rule_sha256 else (self.sha256,)


@dataclass(frozen=True, kw_only=True)
class TrainingPart:
    """The training. version: of this package; history: (images passed, loss) from time to time."""

    key: str
    seed: int
    version: str
    images_passed: int | None = None
    parameters: int | None = None
    history: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ArrayFile:
    """The file with the predictions, beside the record, and its digest. Empty without a result."""

    file: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Pairs are called the same class where their score is above `score`.

    source: `own`, of the baseline, or `pairs of train images`, which it tells apart best.
    """

    score: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a result comes from. commit: empty without a checkout; started: UTC, ISO 8601.

    instructions: the widest ones of the processor that torch computes with, such as AVX2.
    """

    version: str = ""
    commit: str = ""
    dirty: bool = False
    python: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    device: str = ""
    threads: int | None = None
    instructions: str = ""
    started: str = ""
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one cell (training x episode set) gave. results/README.md explains each field."""

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
    protocol: AnyProtocol
    pool: Pool
    groups: ImageGroups = ()
    threshold: Threshold | None = None
    dataset: DataSetPart
    baseline: BaselinePart
    training: TrainingPart
    predictions: ArrayFile = ArrayFile()
    seconds: dict[str, float] = field(default_factory=dict)
    unfinished: int = 0  # episodes in which iterations of the rule did not converge
    provenance: Provenance = Provenance()

    @property
    def episodes_digest(self) -> str:
        """The digest of all its episodes."""
        return self.episodes_digests[self.episodes]

    @property
    def stem(self) -> str:
        """The path of its files below `records/`, without the ending."""
        return record_stem(
            key=self.key,
            dataset=self.dataset.name,
            baseline=self.baseline.name,
            ways=self.protocol.ways,
            shots=self.shots,
            train_size=self.train_size,
            seed=self.training.seed,
        )

    @property
    def condition(self) -> Size:
        """Its shot value or, in a classification protocol, its train size."""
        return self.shots if self.train_size is None else self.train_size

    @property
    def failed(self) -> bool:
        """Whether it has no result where there should be one."""
        return self.status in ("failed", "diverged")

    @property
    def message(self) -> str:
        """One line that says what became of it."""
        condition = self.protocol.condition_text(self.condition)
        noun = "run" if self.protocol.is_classification else "seed"
        training = f"{condition}, {noun} {self.training.seed}"
        return f"{self.baseline.answerer}, {training}: {self.status}: {self.reason}"

    def as_json(self) -> Json:
        """JSON-serialisable; `read_record` reads it back."""
        values = asdict(self)
        values["protocol"] = self.protocol.as_dict()
        if not self.predictions.file:
            values["predictions"] = {}
        return values


PLAIN_FIELDS = {
    "key": str,
    "reason": str,
    "shots": int,
    "train_size": int | float | None,
    "first_episode": int,
    "episodes": int,
    "episodes_file": str,
    "unfinished": int,
}


def read_record(values: object) -> Record:
    """The record with these values.

    Raises `ValueError`, `TypeError` or `KeyError` where they are not those of a record, and
    `UserError` where its protocol is out of bounds.
    """
    if not isinstance(values, dict) or not isinstance(values.get("schema"), int):
        raise ValueError("it has no schema version")
    schema = values["schema"]
    if schema > SCHEMA:
        raise ValueError(f"its schema {schema} is newer than {SCHEMA}; update fewshot-bench")
    if values["status"] not in get_args(Status):
        raise ValueError(f"unknown status {values['status']!r}")
    parts = {**values}
    for name, expected in PLAIN_FIELDS.items():
        if name in values:
            check_type(name, values[name], expected)
    digests = values["episodes_digests"].items()
    parts["episodes_digests"] = {int(count): str(digest) for count, digest in digests}
    parts["pool"] = tuple((int(first), int(count)) for first, count in values["pool"])
    parts["groups"] = _read_groups(values.get("groups", []), parts["pool"])
    parts["protocol"] = _read_protocol(values["protocol"])
    parts["dataset"] = _read_part(DataSetPart, "dataset", values["dataset"])
    parts["baseline"] = _read_part(BaselinePart, "baseline", values["baseline"])
    if values.get("threshold") is not None:
        parts["threshold"] = _read_part(Threshold, "threshold", values["threshold"])
    parts["training"] = _read_part(TrainingPart, "training", values["training"])
    parts["predictions"] = _read_part(ArrayFile, "predictions", values.get("predictions", {}))
    parts["provenance"] = _read_part(Provenance, "provenance", values.get("provenance", {}))
    parts["seconds"] = converted("seconds", values.get("seconds", {}), dict[str, float])
    record = Record(**parts)
    _check_settings(record.baseline.settings)
    if record.episodes not in record.episodes_digests:
        raise KeyError(f"no digest of its {record.episodes} episodes")
    if record.status == "ok" and not record.predictions.file:
        raise TypeError("its predictions name no file")
    return record


def _read_groups(values: object, pool: Pool) -> ImageGroups:
    check_type("groups", values, list)
    groups = typing.cast(list[int], values)
    for group in groups:
        check_type("an item of groups", group, int)
    images = sum(count for _, count in pool)
    if groups and len(groups) != images:
        raise ValueError(f"it has groups of {len(groups)} images and not {images}")
    return tuple(groups)


def _read_protocol(values: object) -> AnyProtocol:
    if not isinstance(values, dict):
        raise TypeError(f"protocol is {values!r}, not an object")
    protocol = protocol_of(values)
    names = (protocol.name, protocol.dataset, *protocol.train_classes, *protocol.test_classes)
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"its protocol names {', '.join(map(repr, names))}")
    return protocol


# of a baseline's settings, what tables show and so must be what it should be
SHOWN_SETTINGS = {
    "encoder": str | None,
    "weights": str | None,
    "precision": str | None,
    "image_size": int | None,
}


def _check_settings(settings: Json) -> None:
    for name, expected in SHOWN_SETTINGS.items():
        if name in settings:
            check_type(name, settings[name], expected)


# the fields that readers rely on and that must be right; the others describe, and are converted
RELIED_ON = {
    "dataset": {"name", "digest", "group_by"},
    "baseline": {
        "name",
        "sha256",
        "preset",
        "rule",
        "is_own_rule",
        "rule_settings",
        "rule_settings_given",
        "transductive",
        "settings",
        "settings_given",
    },
    "training": {"key", "seed", "version", "images_passed", "parameters"},
    "predictions": {"file", "sha256"},
    "threshold": {"score", "source"},
    "provenance": set[str](),
}


def _read_part(part_class: type[Part], name: str, values: object) -> Part:
    return read_part(part_class, name, values, RELIED_ON[name])
