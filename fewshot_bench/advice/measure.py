"""The splits of a question are run one after another, until all are done or the time is up."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from fewshot_bench.advice.question import Question
from fewshot_bench.engine.outlook import Outlook
from fewshot_bench.engine.progress import OnProgress, Progress
from fewshot_bench.engine.schedule import execute
from fewshot_bench.planning.plan import Cell, Plan, Training, make_plan
from fewshot_bench.planning.plan_in_folder import plan_in
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from fewshot_bench.registry.registry import Registry
from fewshot_bench.seeds import derive, digest

__all__ = ["Measured", "measure"]

SEED = 0  # of the order in which splits are run
Trainings = dict[Training, list[Cell]]


@dataclass(frozen=True, eq=False)
class Measured:
    """What the splits gave.

    records: of each split that was run, in the order of its cells; splits: how many there are;
    seconds: that it took; notes: of the plan.
    """

    records: list[list[Record]]
    splits: int
    seconds: float
    notes: Sequence[str]

    @property
    def done(self) -> int:
        """The number of splits that were run."""
        return len(self.records)


def measure(
    question: Question,
    registry: Registry,
    results: ResultsFolder,
    seconds: float,
    *,
    on_progress: OnProgress,
    clock: Callable[[], float] = time.monotonic,
) -> Measured:
    """Run the splits of the question in a random order, from `SEED`, as long as the time lasts.

    The first split is always run. Another one is begun if it would end in time, by the slowest so
    far; but not by the first, which makes features that all share, unless methods train. Records
    that are there cost nothing, so the same command goes on where the time was up.
    """
    start = clock()
    plan, splits = _plan(question, registry, results)
    order = np.random.default_rng(derive("order of splits", SEED)).permutation(len(splits))
    records: list[list[Record]] = []
    slowest = 0.0
    trains = any(training.learns for training in plan.trainings)
    for position, number in enumerate(order):
        begun = clock()
        is_late = begun - start + slowest > seconds
        if records and is_late:
            break
        part = dataclasses.replace(plan, trainings=splits[number])
        watch = _of_all(on_progress, plan, position * len(part.cells))
        records.append(execute(part, results, fresh=False, on_progress=watch))
        if position > 0 or trains:
            slowest = max(slowest, clock() - begun)
    return Measured(records, len(splits), clock() - start, plan.notes)


def _plan(
    question: Question, registry: Registry, results: ResultsFolder
) -> tuple[Plan, list[Trainings]]:
    """The plan of all requests together, and the trainings of each split."""
    plans = [plan_in(results, make_plan(request, registry)) for request in question.requests]
    notes: dict[str, None] = {}
    every: dict[Hashable, tuple[Training, list[Cell]]] = {}
    for plan in plans:
        notes.update(dict.fromkeys(plan.notes))
        for training, cells in plan.trainings.items():
            # requests differ in rules too, and one training serves all of them
            parts = (training.key, training.features_key, dict(training.given), training.seed)
            held_out = _held_out(cells)
            key = (held_out, digest(*parts))
            every.setdefault(key, (training, []))[1].extend(cells)
    by_split: dict[tuple[str, ...], Trainings] = {}
    for training, cells in every.values():
        by_split.setdefault(_held_out(cells), {})[training] = cells
    whole = dataclasses.replace(plans[0], trainings=dict(every.values()), notes=list(notes))
    return whole, list(by_split.values())


def _held_out(cells: Sequence[Cell]) -> tuple[str, ...]:
    return cells[0].episode_set.protocol.test_classes


def _of_all(on_progress: OnProgress, plan: Plan, before: int) -> OnProgress:
    """Progress of one split, told as that of all of a plan. before: cells of earlier splits."""
    total = len(plan.cells)
    outlook = Outlook.of(plan, done_trainings=0, done_cells=0, seconds_left=None)

    def tell(progress: Progress) -> None:
        if progress.stage == "found" and progress.record is None:
            if before == 0:
                on_progress(dataclasses.replace(progress, total=total, outlook=outlook))
            return
        if progress.stage in ("cell", "found"):
            done = before + progress.done
            progress = dataclasses.replace(progress, done=done, total=total)
        on_progress(dataclasses.replace(progress, outlook=None))

    return tell
