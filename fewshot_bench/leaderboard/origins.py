"""What differs in how the results of two folders were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fewshot_bench.records.record import Record

__all__ = ["BETWEEN", "ORIGINS", "origin_columns"]

BETWEEN = "; "  # two things that differ
ARROW = " -> "
ABSENT = "absent"
SHOWN = 12  # digits of a digest
MOST_SHOWN = 3  # values of several trainings

Values = dict[str, str]


def _data(record: Record) -> Values:
    return {
        "digest": record.dataset.digest[:SHOWN],
        "images": str(record.dataset.images),
        "groups": record.dataset.group_by,
    }


def _episodes(record: Record) -> Values:
    return {
        "episodes": str(record.episodes),
        "seed": str(record.protocol.episode_seed),
        "file": record.episodes_file,
        "digest": record.episodes_digest[:SHOWN],
    }


def _code(record: Record) -> Values:
    made = record.provenance
    edited = " (edited)" if made.dirty else ""
    return {
        "baseline": record.baseline.sha256[:SHOWN],
        "rule": record.baseline.rule_sha256[:SHOWN],
        "version": record.training.version,
        "commit": f"{made.commit[:SHOWN]}{edited}",
    }


def _settings(record: Record) -> Values:
    values = {"rule": record.baseline.rule}
    for name, value in record.baseline.all_settings.items():
        text = str(value)
        values[name] = text[:SHOWN] if name.endswith("sha256") else text
    return values


def _packages(record: Record) -> Values:
    return {"python": record.provenance.python, **record.provenance.packages}


def _machine(record: Record) -> Values:
    made = record.provenance
    return {
        "device": made.device,
        "threads": "" if made.threads is None else str(made.threads),
        "instructions": made.instructions,
    }


# columns, and what of a record each is about
ORIGINS: Mapping[str, Callable[[Record], Values]] = {
    "differs_data": _data,
    "differs_episodes": _episodes,
    "differs_code": _code,
    "differs_settings": _settings,
    "differs_packages": _packages,
    "differs_machine": _machine,
}


def origin_columns(first: Sequence[Record], second: Sequence[Record]) -> dict[str, Any]:
    """What differs between records of one row in two folders, a column each; empty: nothing.

    As text: `torch 2.10.0 -> 2.11.0; numpy 2.3.1 -> 2.4.0`.
    """
    columns = {}
    for column, values_of in ORIGINS.items():
        before = _collected(values_of, first)
        after = _collected(values_of, second)
        texts = []
        for name in {**before, **after}:
            old = before.get(name, [ABSENT])
            new = after.get(name, [ABSENT])
            if old != new:
                texts.append(f"{name} {_text(old)}{ARROW}{_text(new)}")
        columns[column] = BETWEEN.join(texts)
    return columns


def _collected(
    values_of: Callable[[Record], Values], records: Sequence[Record]
) -> dict[str, list[str]]:
    """The values of each name in all records, each once."""
    collected: dict[str, set[str]] = {}
    for record in records:
        for name, value in values_of(record).items():
            collected.setdefault(name, set()).add(value or ABSENT)
    return {name: sorted(values) for name, values in collected.items()}


def _text(values: Sequence[str]) -> str:
    return ", ".join(values) if len(values) <= MOST_SHOWN else f"{len(values)} values"
