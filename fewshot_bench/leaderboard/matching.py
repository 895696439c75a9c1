"""Which cells of two folders are the same cell, though their keys hold code and versions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fewshot_bench.leaderboard.columns import CONDITION, QUESTION
from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest

__all__ = ["Cell", "Matching", "match"]

# of what rows of one ranking share, what may differ between two states of one cell
OF_A_STATE = ("dataset_digest", "episode_seed", "episodes_file", "group_by")
# what a cell keeps, whatever becomes of its code, its settings, its data and its episodes
PLACE = (
    *(name for name in QUESTION if name not in OF_A_STATE),
    *CONDITION,
    "baseline",
    "encoder",
)


@dataclass(frozen=True)
class Cell:
    """One cell in two folders."""

    first: Record
    second: Record


@dataclass
class Matching:
    """The cells of two folders. ambiguous: records that could be matched in several ways."""

    cells: list[Cell] = field(default_factory=list)
    only_first: list[Record] = field(default_factory=list)
    only_second: list[Record] = field(default_factory=list)
    ambiguous: list[tuple[list[Record], list[Record]]] = field(default_factory=list)


def _settings(record: Record) -> str:
    return digest(record.baseline.all_settings)


def _given(record: Record) -> str:
    baseline = record.baseline
    return digest(baseline.settings_given, baseline.rule_settings_given)


def _episodes(record: Record) -> tuple[Any, ...]:
    return record.protocol.episode_seed, record.episodes_file


def _number(record: Record) -> int:
    return record.episodes


def _data(record: Record) -> tuple[Any, ...]:
    return record.dataset.digest, record.dataset.group_by, record.groups


def _code(record: Record) -> tuple[Any, ...]:
    return (*record.baseline.code, record.training.version)


Trait = Callable[[Record], Hashable]
# what sets cells of one place apart, from what is most of the cell to what is least
TRAITS: tuple[Trait, ...] = (_settings, _episodes, _number, _data, _code)


def _key(record: Record) -> str:
    return record.key


# ways to tell cells of one place apart, the strictest first
LIKENESS: tuple[tuple[Trait, ...], ...] = (
    (_key,),
    *(TRAITS[:count] for count in range(len(TRAITS), 0, -1)),
    (_given,),
    (),
)


def match(first: Iterable[Record], second: Iterable[Record]) -> Matching:
    """Match the records of two folders.

    Two records are one cell if data set, protocol, classes, ways, queries, condition, preset,
    baseline with rule, encoder and seed are the same. Where a folder has several such records,
    those are matched that are alike in more: key, settings, episodes, data, code. What could still
    be matched in several ways is `ambiguous`.
    """
    matching = Matching()
    firsts = _grouped(first, [_place])
    seconds = _grouped(second, [_place])
    for place in {**firsts, **seconds}:
        _match_place(firsts.get(place, []), seconds.get(place, []), matching)
    return matching


def _place(record: Record) -> Hashable:
    columns = record_columns(record, record.baseline.answerer)
    return (*(columns[name] for name in PLACE), record.training.seed)


def _grouped(records: Iterable[Record], traits: Sequence[Trait]) -> dict[Hashable, list[Record]]:
    """Records that are alike in all these traits."""
    groups: dict[Hashable, list[Record]] = {}
    for record in records:
        values = tuple(trait(record) for trait in traits)
        groups.setdefault(values, []).append(record)
    return groups


def _match_place(first: list[Record], second: list[Record], matching: Matching) -> None:
    for traits in LIKENESS:
        for cell in _single(first, second, traits):
            matching.cells.append(cell)
            first.remove(cell.first)
            second.remove(cell.second)
    if first and second:
        matching.ambiguous.append((first, second))
    else:
        matching.only_first += first
        matching.only_second += second


def _single(
    first: Sequence[Record], second: Sequence[Record], traits: Sequence[Trait]
) -> list[Cell]:
    """The cells whose traits one record of each folder has."""
    firsts = _grouped(first, traits)
    seconds = _grouped(second, traits)
    cells = []
    for value, records in firsts.items():
        others = seconds.get(value, [])
        if len(records) == 1 and len(others) == 1:
            cells.append(Cell(records[0], others[0]))
    return cells
