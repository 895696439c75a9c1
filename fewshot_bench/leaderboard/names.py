"""The name of a row: its baseline's, with what sets it apart from rows it could be taken for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fewshot_bench.errors import unknown
from fewshot_bench.leaderboard.pair_rows import number_of_pairs
from fewshot_bench.leaderboard.record_columns import question_key, row_key
from fewshot_bench.records.record import RULE_SETTING, Record
from fewshot_bench.seeds import digest

__all__ = [
    "OLDER_CODE",
    "OLDER_DATA",
    "known_names",
    "records_at",
    "records_named",
    "row_names",
    "with_reference",
]

OLDER_CODE = "@older"
OLDER_DATA = "@older-data"
ABSENT = "absent"  # a setting that other code of the method has


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A row to be named. started: when its last record was made, UTC, or empty."""

    key: str
    record: Record
    started: str

    @property
    def code(self) -> Hashable:
        """What changes when the code of the method, the package or the protocol changes."""
        record = self.record
        return (*record.baseline.code, record.training.version, record.protocol.version)

    @cached_property
    def method(self) -> Hashable:
        """What changes when the code or the settings change."""
        return (self.code, digest(self.record.baseline.all_settings))

    @cached_property
    def place(self) -> Hashable:
        """Where two rows of one baseline stand beside each other: the question and condition."""
        record = self.record
        return (*question_key(record), record.condition, number_of_pairs(record))


def row_names(records: Iterable[Record]) -> dict[str, str]:
    """The name of each row, by its row key.

    A baseline that is there once keeps its name; with a rule that is not its own the rule stands
    behind it (`frozen+whitened`). Several settings are named by those that differ
    (`protonet_temp[start=10]`), fewer episodes by their number (`pixels[episodes=200]`). Of several
    states of the code or of the images the last one keeps its name, and the others are marked
    (`protonet@older`, `protonet@older-data`; a second older state is `@older2`).
    """
    of_datasets: dict[str, list[_Candidate]] = {}
    groups: dict[Hashable, list[_Candidate]] = {}
    for candidate in _candidates(records):
        record = candidate.record
        baseline = record.baseline
        of_datasets.setdefault(record.dataset.name, []).append(candidate)
        scope = (record.dataset.name, record.protocol.name, baseline.preset, baseline.answerer)
        # without references a method answers by other means, and neither is the older one
        groups.setdefault((*scope, record.shots == 0), []).append(candidate)
    # by data set, so that all rows of one question have the same mark
    data_marks: dict[str, str] = {}
    for of_dataset in of_datasets.values():
        digests: dict[str, Hashable] = {one.key: one.record.dataset.digest for one in of_dataset}
        data_marks.update(_age_marks(digests, of_dataset, OLDER_DATA))
    names = {}
    for group in groups.values():
        names.update(_names_in_group(group, data_marks))
    return names


def records_named(
    wanted: Sequence[str] | None, records: Iterable[Record], names: Mapping[str, str]
) -> list[Record]:
    """The records of these baselines or rows; None: all.

    names: of rows, as `row_names` gives them. Raises `UserError` for a name without a result.
    """
    every = list(records)
    if wanted is None:
        return every
    known = known_names(every, names)
    for name in wanted:
        if name not in known:
            raise unknown("baseline of the results", name, known)
    return [record for record in every if _known_as(record, names).intersection(wanted)]


def with_reference(
    records: Iterable[Record], reference: str, every: Sequence[Record], names: Mapping[str, str]
) -> list[Record]:
    """These records, and those of a reference that is not among them, out of all of a folder.

    Raises `UserError` where no result has this name.
    """
    known = known_names(every, names)
    if reference not in known:
        raise unknown("reference", reference, known)
    held = {record.stem: record for record in records}
    for record in records_named([reference], every, names):
        held.setdefault(record.stem, record)
    return list(held.values())


def known_names(records: Iterable[Record], names: Mapping[str, str]) -> list[str]:
    """The names of baselines, with and without their rules, and of rows that have a result.

    names: of rows, as `row_names` gives them.
    """
    known: set[str] = set()
    for record in records:
        if record.status == "ok":
            known |= _known_as(record, names)
    return sorted(known)


def _known_as(record: Record, names: Mapping[str, str]) -> set[str]:
    return {record.baseline.name, record.baseline.answerer, names[row_key(record)]}


def records_at(shots: Sequence[int] | None, records: Sequence[Record]) -> list[Record]:
    """The records with these shot values; None: all.

    Raises `UserError` for a shot value without a result.
    """
    if shots is None:
        return list(records)
    known = sorted({record.shots for record in records if record.status == "ok"})
    for number in shots:
        if number not in known:
            raise unknown("shot value of the results", str(number), map(str, known))
    return [record for record in records if record.shots in shots]


def _candidates(records: Iterable[Record]) -> list[_Candidate]:
    first: dict[str, Record] = {}
    started: dict[str, str] = {}
    for record in records:
        key = row_key(record)
        first.setdefault(key, record)
        started[key] = max(started.get(key, ""), record.provenance.started)
    return [_Candidate(key, record, started[key]) for key, record in first.items()]


def _names_in_group(group: list[_Candidate], data_marks: Mapping[str, str]) -> dict[str, str]:
    """Names of rows of one baseline, data set, protocol and preset."""
    codes = {candidate.key: candidate.code for candidate in group}
    code_marks = _age_marks(codes, group, OLDER_CODE)
    differing = _differing_settings(group)
    most_episodes = _most_episodes(group)
    names = {}
    for candidate in group:
        settings = candidate.record.baseline.all_settings
        parts = []
        for setting in _named_settings(candidate, differing):
            if setting in settings:
                name = setting.removeprefix(RULE_SETTING)
                parts.append(f"{name}={_value_text(settings[setting])}")
        is_short = candidate.record.episodes < most_episodes[candidate.method]
        if is_short and number_of_pairs(candidate.record) is None:
            parts.append(f"episodes={candidate.record.episodes}")
        brackets = f"[{','.join(parts)}]" if parts else ""
        marks = code_marks[candidate.key] + data_marks[candidate.key]
        names[candidate.key] = candidate.record.baseline.answerer + brackets + marks
    return _made_unique(names, group)


def _age_marks(
    states: Mapping[str, Hashable], group: list[_Candidate], mark: str
) -> dict[str, str]:
    """A mark for each row, empty for those of the last state."""
    last: dict[Hashable, str] = {}
    for candidate in group:
        state = states[candidate.key]
        last[state] = max(last.get(state, ""), candidate.started)
    # the digest decides between states of the same second, so that names are reproducible
    newest_first = sorted(last, key=lambda state: (last[state], digest(state)), reverse=True)
    marks = {}
    for key, state in states.items():
        age = newest_first.index(state)
        number = str(age) if age > 1 else ""
        marks[key] = f"{mark}{number}" if age else ""
    return marks


def _differing_settings(group: list[_Candidate]) -> list[str]:
    """The settings in which rows differ that stand beside each other and are of the same code.

    A setting that follows from the question, such as a budget from the number of train images, is
    the same for all rows of one question, and so names none of them.
    """
    beside: dict[Hashable, list[_Candidate]] = {}
    for candidate in group:
        beside.setdefault((candidate.place, candidate.code), []).append(candidate)
    differing: set[str] = set()
    for candidates in beside.values():
        settings = [candidate.record.baseline.all_settings for candidate in candidates]
        for name in sorted(set().union(*settings)):
            values = {repr(one.get(name, ABSENT)) for one in settings}
            if len(values) > 1:
                differing.add(name)
    # 64 digits: rows that differ in nothing else get a part of their key
    differing.discard("weights_sha256")
    return sorted(differing)


def _named_settings(candidate: _Candidate, differing: list[str]) -> list[str]:
    """The settings in which rows differ, and those that a user gave for the rule.

    The latter are named wherever the row stands: another power is another method.
    """
    given = [f"{RULE_SETTING}{name}" for name in candidate.record.baseline.rule_settings_given]
    return sorted({*differing, *given})


def _most_episodes(group: list[_Candidate]) -> dict[Hashable, int]:
    """The largest number of episodes of each method."""
    most: dict[Hashable, int] = {}
    for candidate in group:
        method = candidate.method
        most[method] = max(most.get(method, 0), candidate.record.episodes)
    return most


def _made_unique(names: dict[str, str], group: list[_Candidate]) -> dict[str, str]:
    """Add a part of the row key to rows that stand beside each other under one name."""
    taken: dict[Hashable, list[str]] = {}
    for candidate in group:
        taken.setdefault((candidate.place, names[candidate.key]), []).append(candidate.key)
    unique = dict(names)
    for keys in taken.values():
        if len(keys) > 1:
            for key in keys:
                unique[key] = f"{names[key]}#{key[:6]}"
    return unique


def _value_text(value: object) -> str:
    """A setting's value as `--set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
