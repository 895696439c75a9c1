"""What a run gave: its table, and one call each for all that stands behind it.

Shapes: M images, D features, C classes.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from fewshot_bench.contract.answering import has_features
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine.image_features import image_features
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.by_episode import accuracy_by_episode
from fewshot_bench.leaderboard.compare import differences
from fewshot_bench.leaderboard.glance import at_a_glance
from fewshot_bench.leaderboard.names import (
    known_names,
    records_named,
    row_names,
    with_reference,
)
from fewshot_bench.leaderboard.record_columns import row_key
from fewshot_bench.leaderboard.rows import Row, rows_of
from fewshot_bench.leaderboard.selection import rank_notes
from fewshot_bench.leaderboard.write import write_tables
from fewshot_bench.planning.image_table import episode_sets_of_splits, image_table, parts_of
from fewshot_bench.planning.plan import Cell, Plan
from fewshot_bench.progress_line import shown
from fewshot_bench.protocols.split import Size, size_text
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record

__all__ = ["Outcome", "check_reference", "outcome_of"]

MOST_LINES = 6  # of a table, in the text of an outcome


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """What a run gave. A notebook shows it as a table in percent; all numbers here are fractions.

    table: the leaderboard rows of this run; comparison: their differences to the reference, None
    without one; records: one for each training and each of its episode sets; data: the images;
    files: the tables that were written; notes: what the user should know of how the request was
    read; out: the folder of results; plan: what was run.
    """

    table: pd.DataFrame
    comparison: pd.DataFrame | None
    records: list[Record]
    data: LabelledImages
    files: list[Path]
    notes: Sequence[str]
    out: Path
    plan: Plan

    @property
    def failed(self) -> list[Record]:
        """Records of what has no result."""
        return [record for record in self.records if record.failed]

    @property
    def episodes(self) -> pd.DataFrame:
        """The accuracy of every episode, a line a row of the table x training x episode.

        Columns: baseline, dataset, protocol, test_classes, shots, train_size, seed (or the run of a
        classification protocol), episode (counted from 0), accuracy (a fraction; each class counts
        the same). Raises `UserError` where pairs were asked about: they have no episodes.
        """
        rows = list(self._rows.values())
        if rows and all(row.is_of_pairs for row in rows):
            raise UserError("pairs have no episodes; the column accuracy of `table` is over pairs")
        return accuracy_by_episode(rows)

    @property
    def splits(self) -> pd.DataFrame:
        """Which images each split trains on and tests, a line a split x image.

        Columns: split (counted from 0), train_size, run, part (train, test, unlabelled, or known:
        images of train classes that are only tested), image (its index in `data`), class, file.
        """
        return image_table(self.data, episode_sets_of_splits(self.plan))

    def confusion(
        self, baseline: str, shots: Size | None = None, *, counts: bool = False
    ) -> pd.DataFrame:
        """The true class (row) by the predicted class (column) of one baseline: (C, C).

        baseline: as in the column of `table`; shots: the shot value, or the train size of a
        classification protocol, which may be left out where there is one; counts: queries, over all
        episodes, seeds and splits, in the place of shares of the true class. A further column is
        there where a head said that a picture is of none of the classes.
        Raises `UserError` for a name or value without a result, and where several rows are meant.
        """
        rows = self._rows_named(baseline, shots)
        frame = tables.confusion([one for row in rows for one in row.predictions], self._names)
        matrix = frame.pivot_table(
            index="class", columns="predicted", values="count", aggfunc="sum", fill_value=0
        )
        known = list(dict.fromkeys(frame["class"]))
        further = [name for name in matrix.columns if name not in known]
        ordered = matrix.loc[known, [*known, *further]]
        return ordered if counts else ordered.div(ordered.sum(axis=1), axis=0)

    def features(
        self,
        baseline: str,
        *,
        part: str = "test",
        seed: int = 0,
        split: int = 0,
        progress: bool = True,
    ) -> pd.DataFrame:
        """The features of images, float32 (M, D), as the encoder of a baseline makes them.

        With the name of a rule (frozen+whitened) they are as that rule transforms them.

        The index has image (its index in `data`), class and file; `.to_numpy()` is the array.
        baseline: as in the column of `table`; part, split: of `splits`; seed: of the training;
        progress: show it, where features are made anew.
        Raises `UserError` for a name, part, seed or split that is not there, and for a baseline
        without features.
        """
        episode_sets = episode_sets_of_splits(self.plan)
        if split not in range(len(episode_sets)):
            raise unknown("split", str(split), map(str, range(len(episode_sets))))
        parts = parts_of(episode_sets[split])
        if part not in parts:
            raise unknown("part of the split", part, parts)
        images_M = parts[part]
        cell = self._cell(baseline, seed, split)
        if not has_features(cell.training.baseline_class):
            raise UserError(f"{baseline} has no features; name a baseline with an encoder")
        results = ResultsFolder(self.out)
        with shown(None, progress=progress) as on_progress:
            features_MD = image_features(
                self.plan, cell, results, on_progress, images_M, by_rule=not cell.rule.is_own
            )
        labels = self.data.labels[images_M].tolist()
        index = pd.MultiIndex.from_arrays(
            [
                images_M,
                [self.data.class_names[label] for label in labels],
                [self.data.files[image] for image in images_M.tolist()],
            ],
            names=["image", "class", "file"],
        )
        return pd.DataFrame(features_MD, index=index)

    @cached_property
    def _every(self) -> list[Record]:
        """All records of the folder: rows are named by them."""
        return list(ResultsFolder(self.out, write=False))

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return row_names(self._every)

    @property
    def _held(self) -> list[Record]:
        """The records of the rows of this run: all their trainings in the folder."""
        keys = {row_key(record) for record in self.records}
        return [record for record in self._every if row_key(record) in keys]

    @cached_property
    def _rows(self) -> dict[str, Row]:
        """The rows of this run."""
        predictions = ResultsFolder(self.out, write=False).predictions(self._held)
        return rows_of(predictions, self._names)

    def _differences(self, reference: str) -> pd.DataFrame:
        """The differences of the rows of this run to a reference, whichever run made it."""
        compared = with_reference(self._held, reference, self._every, self._names)
        predictions = ResultsFolder(self.out, write=False).predictions(compared)
        return differences(rows_of(predictions, self._names), reference)

    def _rows_named(self, baseline: str, shots: Size | None) -> list[Row]:
        """The rows of one method and condition: one, or one a split of the classes."""
        rows = list(self._rows.values())
        named = [row for row in rows if row.name == baseline]
        named = named or [row for row in rows if row.baseline == baseline]
        if not named:
            raise unknown("baseline", baseline, sorted({row.name for row in rows}))
        names = sorted({row.name for row in named})
        if len(names) > 1:
            raise UserError(f"{baseline!r} is there as {', '.join(names)}; name one of them")
        conditions = sorted({row.record.condition for row in named})
        if shots is None and len(conditions) == 1:
            return named
        if shots not in conditions:
            allowed = ", ".join(map(size_text, conditions))
            raise UserError(f"shots={shots} is no row of {baseline} (allowed: {allowed}); name one")
        return [row for row in named if row.record.condition == shots]

    def _cell(self, baseline: str, seed: int, split: int) -> Cell:
        """A cell of this baseline in this split, by the training of this seed."""
        keys = {record.key for record in records_named([baseline], self.records, self._names)}
        wanted = episode_sets_of_splits(self.plan)[split].split
        in_split = []
        for cell in self.plan.cells:
            own = cell.episode_set.split
            is_same = own.embedded_digest == wanted.embedded_digest and own.run == wanted.run
            if is_same and own.train_digest == wanted.train_digest and cell.key in keys:
                in_split.append(cell)
        names = sorted({cell.name for cell in in_split})
        if baseline in names:
            in_split = [cell for cell in in_split if cell.name == baseline]
        elif len(names) > 1:
            raise UserError(f"{baseline!r} is there as {', '.join(names)}; name one of them")
        if in_split[0].episode_set.is_classification:
            return in_split[0]  # the seed is that of the run
        for cell in in_split:
            if cell.training.seed == seed:
                return cell
        seeds = sorted({str(cell.training.seed) for cell in in_split})
        raise unknown("seed", str(seed), seeds)

    @property
    def _head(self) -> str:
        failed = f", {len(self.failed)} without a result" if self.failed else ""
        return f"{len(self.records)} results on {self.data.name}, in {self.out}{failed}"

    def __repr__(self) -> str:
        """The first lines of the table, in a few lines."""
        table = at_a_glance(self.table)
        lines = [f"Outcome: {self._head}; accuracy in %"]
        lines += table.head(MOST_LINES).to_string(index=False, na_rep="").splitlines()
        if len(table) > MOST_LINES:
            lines.append(f"... and {len(table) - MOST_LINES} more: .table has all")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The whole table, as a notebook shows it."""
        rows = at_a_glance(self.table).to_html(index=False, na_rep="", border=0)
        notes = [f"<p>{html.escape(note)}.</p>" for note in self.notes]
        return f"<p>{html.escape(self._head)}; accuracy in %</p>{rows}{''.join(notes)}"


def outcome_of(
    plan: Plan, results: ResultsFolder, records: list[Record], reference: str | None
) -> Outcome:
    """What these records of a plan come to. Writes the leaderboard of the folder anew.

    reference: a baseline that the others are compared with.
    """
    table, files = write_tables(results)
    # the column `key` holds the first 16 digits of a row's key
    keys = {row_key(record)[:16] for record in records}
    is_of_run = table["key"].isin(keys)
    rows_of_run = table[is_of_run].reset_index(drop=True)
    notes = [*plan.notes, *rank_notes(table, is_of_run)]
    outcome = Outcome(rows_of_run, None, records, plan.data, files, notes, results.out, plan)
    if reference is None:
        return outcome
    try:
        return replace(outcome, comparison=outcome._differences(reference))
    except UserError as error:  # the run itself is done
        return replace(outcome, notes=[*notes, f"no differences: {error}"])


def check_reference(reference: str, plan: Plan, results: ResultsFolder) -> None:
    """Raise `UserError` unless a reference is in the run or among the results that are there."""
    if reference in plan.baselines:
        return
    records = list(results)
    held = known_names(records, row_names(records))
    if reference not in held:
        names = dict.fromkeys([*plan.baselines, *held])
        raise unknown("reference", reference, names)
