"""What the encoders of a plan look at: heat maps, and how much of their heat lies in boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.engine.schedule import execute
from fewshot_bench.engine.work import fitted_baseline
from fewshot_bench.errors import PLUGIN_ERRORS, NotApplicable
from fewshot_bench.explain.gradcam import Heat, heats
from fewshot_bench.explain.pointing import MEASURED, pointing, shares
from fewshot_bench.leaderboard.columns import CONDITION, rankings
from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.planning.plan import Cell, Plan, Training
from fewshot_bench.planning.plan_in_folder import plan_in
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record

__all__ = [
    "HeatMapFailed",
    "HeatStudy",
    "StudiedCells",
    "cells_with_most_shots",
    "heat_studies",
    "table_of",
]

# columns that say which question was studied
STUDIED = ("dataset", "protocol", "test_classes", "preset", "ways", *CONDITION)
COLUMNS = [*STUDIED, "baseline", "stage", "places", *MEASURED, "reference", "note"]
INTEGERS = ("stage", "images", "trainings", "without_heat")

Columns = dict[Any, Any]  # by name


class HeatMapFailed(Exception):
    """A baseline should have a heat map, but its code failed; the text is one line."""


@dataclass(frozen=True, eq=False)
class StudiedCells:
    """The cells of one choice of test classes with the most shots or train images, and records.

    differs: in words, what sets the question apart from the others of the plan; else empty.
    """

    cells: list[tuple[Cell, Record]]
    differs: str

    @property
    def question(self) -> Columns:
        """The columns `STUDIED`."""
        _, first_record = self.cells[0]
        columns = _columns_of(first_record)
        return {name: columns[name] for name in STUDIED}

    @property
    def failed(self) -> list[str]:
        """A line for each cell that failed."""
        messages = []
        for _, record in self.cells:
            if record.failed:
                messages.append(record.message)
        return messages


def cells_with_most_shots(
    plan: Plan, results: ResultsFolder, on_progress: OnProgress
) -> list[StudiedCells]:
    """For each choice of test classes, the cells with the most shots or train images.

    Of several runs the first is taken. Trains and runs these cells where that was not done yet,
    and nothing else.
    """
    plan = plan_in(results, _with_most_shots(plan))
    records = execute(plan, results, fresh=False, on_progress=on_progress)
    record_of = dict(zip(plan.cells, records, strict=True))
    kept = list(_by_test_classes(plan.cells).values())
    questions = []
    for cells in kept:
        first_record = record_of[cells[0]]
        questions.append(_columns_of(first_record))
    # each group has its own test classes, and so is a ranking of one row
    of_groups = rankings(pd.DataFrame(questions))
    studied = []
    for cells, ranking in zip(kept, of_groups, strict=True):
        with_records = [(cell, record_of[cell]) for cell in cells]
        studied.append(StudiedCells(with_records, ranking.differs))
    return studied


def _with_most_shots(plan: Plan) -> Plan:
    """The plan of these cells alone."""
    of_first_run = [cell for cell in plan.cells if cell.episode_set.first == 0]
    trainings: dict[Training, list[Cell]] = {}
    for cells in _by_test_classes(of_first_run).values():
        for cell in _of_most_shots(cells):
            trainings.setdefault(cell.training, []).append(cell)
    return dataclasses.replace(plan, trainings=trainings)


def _by_test_classes(cells: Sequence[Cell]) -> dict[tuple[str, ...], list[Cell]]:
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.episode_set.protocol.test_classes, []).append(cell)
    return groups


def _of_most_shots(cells: Sequence[Cell]) -> list[Cell]:
    conditions = [cell.episode_set.condition for cell in cells]
    most = max(conditions)
    return [cell for cell in cells if cell.episode_set.condition == most]


def _columns_of(record: Record) -> Columns:
    return record_columns(record, record.baseline.name)


@dataclass(frozen=True, eq=False)
class HeatStudy:
    """What the baselines look at, for one choice of test classes.

    heats: the maps to draw, of the first training of each baseline that has some; rows: of the
    table, one a baseline; failed: a line for each baseline that failed.
    """

    studied: StudiedCells
    heats: Mapping[str, Sequence[Heat]]
    rows: list[Columns]
    failed: list[str]


def heat_studies(
    plan: Plan,
    results: ResultsFolder,
    on_progress: OnProgress,
    *,
    images: int,
    stage: int,
    reference: str | None,
) -> list[HeatStudy]:
    """Study all baselines of a plan, once for each choice of test classes.

    images: how many heat maps to keep for drawing; stage: of the encoder, the last
    convolutional one is 1; reference: a baseline to compare the others with.
    """
    studies = []
    for studied in cells_with_most_shots(plan, results, on_progress):
        study = _Study(plan, studied, results, on_progress, images, stage)
        studies.append(study.of_all(reference))
    return studies


def table_of(studies: Sequence[HeatStudy]) -> pd.DataFrame:
    """One row a baseline and choice of test classes: how much of its heat lies in boxes."""
    rows: list[Columns] = []
    for study in studies:
        rows += study.rows
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(INTEGERS, "Int64"))


@dataclass(frozen=True, eq=False)
class _Study:
    """How the cells of one choice of test classes are studied."""

    plan: Plan
    studied: StudiedCells
    results: ResultsFolder
    on_progress: OnProgress
    images: int
    stage: int

    def of_all(self, reference: str | None) -> HeatStudy:
        """The heat maps of all baselines, with a row each."""
        boxes = self.plan.data.boxes
        names = self.plan.baselines
        kept: dict[str, list[Heat]] = {}
        shares_by_seed: dict[str, dict[int, pd.DataFrame]] = {}
        remarks: dict[str, Columns] = {name: {} for name in names}
        failed = self.studied.failed
        for cell, record in self.studied.cells:
            name = cell.name
            try:
                maps = self.heat_maps(cell, record)
            except NotApplicable as error:
                remarks[name]["note"] = str(error)
            except HeatMapFailed as error:
                remarks[name]["note"] = str(error)
                failed.append(f"{name}: no heat map: {error}")
            else:
                height, width = maps[0].places
                remarks[name]["stage"] = self.stage
                remarks[name]["places"] = f"{height} x {width}"
                kept.setdefault(name, maps[: self.images])
                if boxes:
                    of_name = shares_by_seed.setdefault(name, {})
                    of_name[cell.training.seed] = shares(maps, boxes)
        measured = pointing(shares_by_seed, self.plan.data.labels, reference)
        measured_of: dict[object, Columns] = {}
        for measured_row in measured.to_dict("records"):
            measured_of[measured_row["baseline"]] = measured_row
        rows = []
        for name in names:
            row: Columns = {**self.studied.question, "reference": reference, "baseline": name}
            row |= measured_of.get(name, {})
            row |= remarks[name]
            rows.append(row)
        return HeatStudy(self.studied, kept, rows, failed)

    def heat_maps(self, cell: Cell, record: Record) -> list[Heat]:
        """The heat maps of one training.

        Raises `NotApplicable` where it can have none, `HeatMapFailed` where its code failed.
        """
        if record.status != "ok":
            raise NotApplicable(record.message)
        # the table needs all test images, a picture without a table only those that it shows
        most = None if self.plan.data.boxes else self.images
        try:
            fitted = fitted_baseline(self.plan, cell, self.results, self.on_progress)
            return heats(fitted, cell.episode_set, cell.rule, stage=self.stage, most=most)
        except NotApplicable:
            raise
        except PLUGIN_ERRORS as error:
            text = f"{type(error).__name__}: {error}"
            raise HeatMapFailed(" ".join(text.split())) from error
