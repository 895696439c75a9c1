"""Accuracies while a run goes on: what its rows come to with the records that are there so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from fewshot_bench.leaderboard.columns import SPLITS_SUFFIX, condition_label
from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.record_columns import record_columns, row_key
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.leaderboard.tables import number_of_splits
from fewshot_bench.protocols.split import Size
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record, Status
from fewshot_bench.stats.intervals import Estimate

__all__ = ["Standing", "Standings", "is_one_of_splits", "label_of"]


@dataclass(frozen=True)
class Standing:
    """What a baseline has come to at one shot value or train size so far.

    name: of its row; label, condition: the shot value or train size, as a column is called and as a
    number; status: "ok" if there is a result, else what became of it; trainings: seeds or runs with
    a result; failures: trainings without one.

    accuracy: a fraction, None without a result and until it is computed; low, high: its 95 %
    interval, None over splits. splits: the number of splits of the classes that the accuracy is the
    mean of, of `of` that there are; both are 0 where a protocol has one split.
    """

    name: str
    label: str
    condition: Size
    status: Status
    trainings: int
    failures: int
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    splits: int = 0
    of: int = 0


class Standings:
    """The standings of a run whose results lie in the folder `out`.

    An accuracy with its interval can take 0.1 s. So `add` only remembers a record, and
    `compute_one` computes, one row at a time.
    """

    def __init__(self, out: Path | str) -> None:
        self.out = out
        self._records: dict[str, dict[str, Record]] = {}  # of each row key, by stem
        self._estimates: dict[str, Estimate] = {}  # by row key
        self._outdated: list[str] = []  # row keys, in the order in which records came
        self._names: Mapping[str, str] = {}  # by row key; empty: to be made

    @cached_property
    def _folder(self) -> ResultsFolder:
        return ResultsFolder(self.out, write=False)  # it is there once there is a record

    def add(self, record: Record) -> None:
        """Take a record into account."""
        key = row_key(record)
        if key not in self._records:
            self._names = {}  # a name says what sets a row apart from the others
        self._records.setdefault(key, {})[record.stem] = record
        if record.status == "ok" and key not in self._outdated:
            self._outdated.append(key)

    def compute_one(self) -> bool:
        """Compute the accuracy of one row that has a new record; False if there is none."""
        if not self._outdated:
            return False
        key = self._outdated.pop(0)
        self._estimates[key] = self._estimate(self._records[key].values())
        return True

    def accuracy_of(self, record: Record) -> Estimate | None:
        """The accuracy of one record alone, with its interval; None if it has no result."""
        return self._estimate([record]) if record.status == "ok" else None

    def name_of(self, record: Record) -> str:
        """The name of the row of a record that was added, by the records so far."""
        return self._names_by_key()[row_key(record)]

    def so_far(self) -> list[Standing]:
        """Every baseline at every shot value or train size that has a record.

        They come in the order of their first records, with the accuracies that are computed.
        """
        names = self._names_by_key()
        groups: dict[tuple[str, str], list[str]] = {}
        for key, records in self._records.items():
            first = next(iter(records.values()))
            place = (names[key], label_of(first))
            groups.setdefault(place, []).append(key)
        return [self._of_rows(name, keys) for (name, _), keys in groups.items()]

    def _names_by_key(self) -> Mapping[str, str]:
        if not self._names:
            records: list[Record] = []
            for of_row in self._records.values():
                records += of_row.values()
            self._names = row_names(records)
        return self._names

    def _of_rows(self, name: str, keys: list[str]) -> Standing:
        """The standing of a row, or of all rows of one name, one a split of the classes."""
        records: list[Record] = []
        for key in keys:
            records += self._records[key].values()
        answered = [record for record in records if record.status == "ok"]
        last = (answered or records)[-1]
        standing = Standing(
            name=name,
            label=label_of(last),
            condition=last.condition,
            status=last.status,
            trainings=len(answered),
            failures=len(records) - len(answered),
        )
        estimates = [self._estimates[key] for key in keys if key in self._estimates]
        if not estimates:
            return standing
        if is_one_of_splits(last):
            return replace(
                standing,
                accuracy=float(np.mean([estimate.accuracy for estimate in estimates])),
                splits=len(estimates),
                of=number_of_splits(record_columns(last, name)),
            )
        estimate = estimates[-1]
        return replace(standing, accuracy=estimate.accuracy, low=estimate.low, high=estimate.high)

    def _estimate(self, records: Iterable[Record]) -> Estimate:
        """Mean accuracy over records of one row; those without a result are left out."""
        predictions = self._folder.predictions(records)
        key = row_key(predictions[0].record)
        return rows_of(predictions, {key: ""})[key].estimate()


def label_of(record: Record) -> str:
    """What the column of this record is called in a table: its shot value or train size."""
    columns = record_columns(record, record.baseline.name)
    return condition_label(columns)


def is_one_of_splits(record: Record) -> bool:
    """Whether its protocol is over every split of the classes."""
    return record.protocol.name == record.protocol.dataset + SPLITS_SUFFIX
