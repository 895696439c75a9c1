"""Running a plan: what is worked on when, and by which process."""

from __future__ import annotations

import time
from collections.abc import Mapping

from fewshot_bench.engine.progress import OnProgress, Progress
from fewshot_bench.engine.work import Work, fitted_baseline
from fewshot_bench.planning.plan import Cell, Plan, Training
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record

__all__ = ["execute"]

LOOK_AGAIN = 1.0  # seconds until the records of other processes are looked for again


def execute(
    plan: Plan, folder: ResultsFolder, *, fresh: bool, on_progress: OnProgress
) -> list[Record]:
    """The record of every cell of the plan, in its order.

    Records on disk are not made again; `fresh` removes them first. A training or cell that fails is
    recorded with its reason, and the others go on. A training that another process works on is left
    to it: its records are waited for, and the work is taken over if that process dies.
    """
    schedule = _Schedule(plan, folder, on_progress)
    if fresh:
        schedule.forget()
    return schedule.run()


class _Schedule:
    """The trainings of a plan, and the records that are there."""

    def __init__(self, plan: Plan, folder: ResultsFolder, on_progress: OnProgress) -> None:
        self.plan = plan
        self.folder = folder
        self.on_progress = on_progress
        self.claims = Claims(folder.paths.claims)
        self.done: dict[Training, list[Record]] = {}
        self.waiting_for: dict[Training, str] = {}  # who holds the claim
        self.cells = plan.cells
        self.reported: set[str] = set()  # stems of the cells whose record was reported

    def forget(self) -> None:
        """Remove all that the plan asks for at once.

        So a run that is stopped afterwards goes on without `fresh`.
        """
        for cells in self.plan.trainings.values():
            self._work(cells[0]).forget()
            for cell in cells:
                self.folder.remove(cell.stem)

    def run(self) -> list[Record]:
        """The record of every cell."""
        trainings = self.plan.trainings
        failures = self._look_back()
        while True:
            for training, cells in trainings.items():
                if training not in self.done:
                    self._try(training, cells, failures)
            if len(self.done) == len(trainings):
                break
            time.sleep(LOOK_AGAIN)
        records = []
        for training in trainings:
            records += self.done[training]
        return records

    def _try(self, training: Training, cells: list[Cell], failures: dict[str, Record]) -> None:
        """Make the missing records of a training, unless another process works on it."""
        work = self._work(cells[0])
        report = work.fitted.report
        known = self._known(cells, failures)
        if len(known) == len(cells):
            self._report(known)
            self.done[training] = [known[cell] for cell in cells]
        else:
            with self.claims.held(training.key) as holder:
                if holder:
                    if self.waiting_for.get(training) != holder:
                        report("wait", note=f"{holder} works on it")
                    self.waiting_for[training] = holder
                    return
                report("start")
                # another process may have ended in the meantime
                known = self._known(cells, failures)
                self._report(known)
                records = []
                for cell in cells:
                    record = known.get(cell) or work.record(cell)
                    self._report({cell: record})
                    records.append(record)
                self.done[training] = records
        report("done", note=self.done[training][-1].status)

    def _work(self, cell: Cell) -> Work:
        fitted = fitted_baseline(self.plan, cell, self.folder, self.on_progress)
        return Work(self.plan, self.folder, fitted)

    def _look_back(self) -> dict[str, Record]:
        """Report the records that an earlier run left.

        Returns its failures, by stem: they are tried again.
        """
        self.on_progress(Progress("", "", "found", total=len(self.cells)))
        failures = {}
        for cell in self.cells:
            record = self.folder.find(cell.stem)
            if record is None:
                continue
            if record.status == "failed":
                failures[cell.stem] = record
            else:
                self._report({cell: record}, stage="found")
        return failures

    def _report(self, records: Mapping[Cell, Record], stage: str = "cell") -> None:
        """Report the records that were not reported yet."""
        for cell, record in records.items():
            if cell.stem not in self.reported:
                self.reported.add(cell.stem)
                report = self._work(cell).fitted.report
                report(stage, len(self.reported), len(self.cells), record=record)

    def _known(self, cells: list[Cell], failures: dict[str, Record]) -> dict[Cell, Record]:
        """The records there are of these cells, without the failures of an earlier run."""
        known = {}
        for cell in cells:
            record = self.folder.find(cell.stem)
            if record is not None and failures.get(cell.stem) != record:
                known[cell] = record
        return known
