"""Two folders of results, row by row: same bits, within the error, or moved; and what differs."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from fewshot_bench.leaderboard.columns import BY_CONDITION, CONDITION, QUESTION
from fewshot_bench.leaderboard.compare import paired_difference
from fewshot_bench.leaderboard.matching import Cell, match
from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.origins import ORIGINS, origin_columns
from fewshot_bench.leaderboard.pair_rows import number_of_pairs
from fewshot_bench.leaderboard.record_columns import record_columns, row_key
from fewshot_bench.leaderboard.rows import Row, shared_episodes, shared_runs
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.merge import changed_answers, same_answers
from fewshot_bench.records.record import Record
from fewshot_bench.stats.differences import Difference
from fewshot_bench.stats.standard_error import Spread
from fewshot_bench.stats.unpaired import Measured, unpaired_difference
from fewshot_bench.stats.verdicts import holm, is_decided, levels

__all__ = ["DIFF", "IN_BOTH", "Verdict", "diff"]

Verdict = Literal[
    "same bits",
    "within the error",
    "moved",
    "not tested",
    "other status",
    "ambiguous",
    "only in A",
    "only in B",
]
# verdicts of cells that both folders hold
IN_BOTH: tuple[Verdict, ...] = (
    "same bits",
    "within the error",
    "moved",
    "not tested",
    "other status",
)

DIFF = (
    "verdict",
    "dataset",
    "protocol",
    "test_classes",
    "preset",
    "ways",
    *CONDITION,
    "queries",
    "baseline",
    "baseline_b",
    "encoder",
    "seeds",
    "cells",
    "same",
    "answers_changed",
    "accuracy_a",
    "accuracy_b",
    "difference",
    "low",
    "high",
    "level",
    "ci95_low",
    "ci95_high",
    "kind",
    "is_paired",
    "is_one_training",
    "p",
    "p_holm",
    "episodes",
    *ORIGINS,
    "note",
    "train_classes",
    "known_classes",
    "open_set",
    "unlabelled",
    "episode_seed",
    "episodes_file",
    "group_by",
    "dataset_digest",
    "key_a",
    "key_b",
)


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two folders. letter: a or b; names: of its rows, by row key."""

    letter: Literal["a", "b"]
    folder: ResultsFolder
    records: list[Record]
    names: Mapping[str, str]

    @classmethod
    def of(cls, letter: Literal["a", "b"], folder: ResultsFolder) -> Side:
        """Read the records of a folder."""
        records = list(folder)
        return cls(letter, folder, records, row_names(records))

    def name(self, record: Record) -> str:
        """The name of its row."""
        return self.names[row_key(record)]

    def row(self, records: Iterable[Record]) -> Row:
        """The row of these records, in the order of seeds or runs."""
        by_seed = sorted(records, key=lambda record: record.training.seed)
        predictions = tuple(self.folder.predictions_of(record) for record in by_seed)
        return Row(self.name(by_seed[0]), predictions)

    def check_array(self, record: Record) -> None:
        """Raise `UserError` where the array of a record is not what it was."""
        path = self.folder.paths.predictions(record.stem)
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        if digest != record.predictions.sha256:
            self.folder.predictions_of(record)  # says what is wrong


def diff(first: ResultsFolder, second: ResultsFolder) -> pd.DataFrame:
    """A row for each row of the leaderboards, A being the first folder and B the second.

    Differences are B less A, as fractions, over the trainings that both hold, on the episodes that
    both answered; p is corrected by Holm over all of them. Trainings are pairs if their losses are
    the same. Where the episodes are not the same, the difference is not paired, and says so.
    docs/columns.md explains the columns.

    Raises `UserError` for records and arrays that are damaged.
    """
    before = Side.of("a", first)
    after = Side.of("b", second)
    matching = match(before.records, after.records)
    table = []
    differences = []
    for cells in _by_row(matching.cells):
        compared = _Compared(before, after, cells)
        table.append(compared.columns())
        differences.append(compared.difference)
    tested = [math.nan if one is None else one.p for one in differences]
    adjusted = holm(tested)
    decided = zip(table, differences, adjusted, levels(adjusted), strict=True)
    for columns, difference, p, level in decided:
        if difference is not None:
            columns.update(_interval_columns(difference, p, level))
            if columns["verdict"] == "not tested" and not math.isnan(p):
                columns["verdict"] = "moved" if is_decided(p) else "within the error"
    table += _unmatched(before, matching.only_first, "only in A")
    table += _unmatched(after, matching.only_second, "only in B")
    for records, others in matching.ambiguous:
        table += _ambiguous(before, records, len(others))
        table += _ambiguous(after, others, len(records))
    frame = pd.DataFrame(table, columns=list(DIFF))
    return _sorted(frame.astype({"pairs": "Int64", "episodes": "Int64"}))


def _by_row(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Cells of the same two rows, which are their trainings, in the order of seeds or runs."""
    rows: dict[tuple[str, str], list[Cell]] = {}
    for cell in sorted(cells, key=lambda cell: cell.first.training.seed):
        rows.setdefault((row_key(cell.first), row_key(cell.second)), []).append(cell)
    return list(rows.values())


class _Compared:
    """One row in both folders."""

    def __init__(self, before: Side, after: Side, cells: Sequence[Cell]) -> None:
        self.before = before
        self.after = after
        self.cells = cells
        self.answered = [one for one in cells if one.first.status == one.second.status == "ok"]
        self.other_status = [one for one in cells if one.first.status != one.second.status]
        self.changed = [one for one in self.answered if not self._has_same_bits(one)]
        # the course of the loss tells one training from another of the same seed
        self.trained_anew = any(
            one.first.training.history != one.second.training.history for one in self.answered
        )
        self.measures: dict[str, Any] = {}
        self.difference: Difference | None = None
        if self.changed:
            self._measure()

    def _has_same_bits(self, cell: Cell) -> bool:
        first = cell.first
        second = cell.second
        if first.episodes_digest != second.episodes_digest:
            return False
        self.before.check_array(first)
        self.after.check_array(second)
        if first.predictions.sha256 == second.predictions.sha256:
            return True
        # the same answers may be packed into other bytes by another zlib
        answered = self.before.folder.predictions_of(first).answered
        return same_answers(answered, self.after.folder.predictions_of(second).answered)

    def _measure(self) -> None:
        """The difference of the trainings that both folders hold, and the accuracies."""
        old = self.before.row(one.first for one in self.answered)
        new = self.after.row(one.second for one in self.answered)
        is_paired = _can_be_paired(old.record, new.record)
        episodes = shared_episodes(old, new) if is_paired else 0
        difference = paired_difference(new, old) if is_paired else None
        if difference is None:
            of_old = old.estimate()
            of_new = new.estimate()
            difference = unpaired_difference(_measured(new), _measured(old))
            self.measures = {"accuracy_a": of_old.accuracy, "accuracy_b": of_new.accuracy}
        else:
            runs = shared_runs(old, new)
            if runs:
                old = old.only(runs)
                new = new.only(runs)
            elif not self.trained_anew:
                difference = _with_pairs_of_trainings(difference, old, new, episodes)
            self.measures = {
                "accuracy_a": np.mean(_accuracies(old, episodes)),
                "accuracy_b": np.mean(_accuracies(new, episodes)),
                "answers_changed": _share_changed(old, new, episodes),
            }
            if not old.is_of_pairs:
                self.measures["episodes"] = episodes
        self.measures["is_paired"] = "answers_changed" in self.measures
        self.difference = difference

    def columns(self) -> dict[str, Any]:
        """What a table says of the row, without what Holm's correction decides."""
        cell = self.cells[0]
        verdict: Verdict = "same bits"
        if self.other_status:
            verdict = "other status"
        elif self.changed:
            verdict = "not tested"
        is_same = verdict == "same bits"
        firsts = [one.first for one in self.cells]
        seconds = [one.second for one in self.cells]
        return {
            **_row_columns(self.before, firsts),
            **origin_columns(firsts, seconds),
            "verdict": verdict,
            "baseline_b": self.after.name(cell.second),
            "cells": len(self.cells),
            "same": len(self.cells) - len(self.changed) - len(self.other_status),
            "difference": 0.0 if is_same and self.answered else None,
            "is_one_training": len(self.answered) == 1 and self.trained_anew,
            "note": "; ".join(_status_notes(self.other_status)),
            "key_b": row_key(cell.second)[:16],
            **self.measures,
        }


def _can_be_paired(first: Record, second: Record) -> bool:
    """Whether the same positions of images in the episodes of both are the same images."""
    own = (first.dataset.digest, first.pool, first.groups)
    if own != (second.dataset.digest, second.pool, second.groups):
        return False
    are_pairs = number_of_pairs(first) is not None
    return not are_pairs or first.episodes_digest == second.episodes_digest


def _with_pairs_of_trainings(
    difference: Difference, old: Row, new: Row, episodes: int
) -> Difference:
    """The difference with the trainings of one seed as pairs, since they are the same training."""
    by_seed = np.subtract(_accuracies(new, episodes), _accuracies(old, episodes))
    trainings = Spread.of(by_seed)
    over: Literal["images", "images+seeds"] = "images+seeds" if len(by_seed) > 1 else "images"
    return dataclasses.replace(difference, over=over, trainings=trainings)


def _accuracies(row: Row, episodes: int) -> list[float]:
    """The accuracy of each training on the first so many episodes, or of each run."""
    if row.is_of_pairs:
        return [float(accuracy) for accuracy in row.pair_row.right_SP.mean(1)]
    if row.is_classification:
        return [float(_weighted(row))]
    if row.has_known:
        trainings = [Row(row.name, (one,)) for one in row.predictions]
        return [one.open_row(episodes).harmonic.accuracy for one in trainings]
    accuracy_ST = row.correctness(episodes).accuracy_ST
    return [float(accuracy) for accuracy in accuracy_ST.mean(1)]


def _weighted(row: Row) -> float:
    """The mean over runs of the share of the test images that is right."""
    return float((row.correctness().moments.recall_TN[:] * row.shares_RC).sum(1).mean())


def _measured(row: Row) -> Measured:
    record = row.record
    sizes = [count for _, count in record.pool]
    if record.groups:
        labels = np.repeat(np.arange(len(sizes)), sizes)
        groups = np.array(record.groups)
        sizes = [len(np.unique(groups[labels == label])) for label in range(len(sizes))]
    return Measured(row.estimate(), tuple(sizes), len(row.predictions))


def _share_changed(old: Row, new: Row, episodes: int) -> float:
    """The share of the answers that differ, in the first so many episodes of all trainings."""
    changed = 0
    answers = 0
    first = None if old.is_classification or old.is_of_pairs else episodes
    for one, other in zip(old.predictions, new.predictions, strict=True):
        before = one.answered.predicted_TA[:first]
        after = other.answered.predicted_TA[:first]
        differ, count = changed_answers(before, after)
        changed += differ
        answers += count
    return changed / answers


def _status_notes(cells: Iterable[Cell]) -> Iterator[str]:
    for cell in cells:
        text = f"seed {cell.first.training.seed}: {cell.first.status} -> {cell.second.status}"
        reason = cell.second.reason or cell.first.reason
        yield f"{text} ({reason})" if reason else text


def _interval_columns(difference: Difference, p: float, level: float) -> dict[str, Any]:
    low, high = difference.interval(level)
    ci95 = difference.interval(0.95)
    return {
        "difference": difference.mean,
        "low": low,
        "high": high,
        "level": level,
        "ci95_low": ci95[0],
        "ci95_high": ci95[1],
        "kind": difference.kind,
        "p": difference.p,
        "p_holm": p,
    }


def _row_columns(side: Side, records: Sequence[Record]) -> dict[str, Any]:
    record = records[0]
    seeds = sorted({one.training.seed for one in records})
    return {
        **record_columns(record, side.name(record)),
        "seeds": ",".join(map(str, seeds)),
        f"key_{side.letter}": row_key(record)[:16],
    }


def _unmatched(
    side: Side, records: Iterable[Record], verdict: Verdict, note: str = ""
) -> Iterator[dict[str, Any]]:
    rows: dict[str, list[Record]] = {}
    for record in records:
        rows.setdefault(row_key(record), []).append(record)
    for of_row in rows.values():
        columns = _row_columns(side, of_row)
        yield {**columns, "verdict": verdict, "cells": len(of_row), "note": note}


def _ambiguous(side: Side, records: Iterable[Record], others: int) -> Iterator[dict[str, Any]]:
    where = side.letter.upper()
    other = "B" if where == "A" else "A"
    noun = "record" if others == 1 else "records"
    note = f"in {where}; {others} {noun} of {other} could be the same cell"
    yield from _unmatched(side, records, "ambiguous", note)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By question and condition, then as they came."""
    order = [*QUESTION, *BY_CONDITION]
    return frame.sort_values(order, kind="stable", ignore_index=True)
