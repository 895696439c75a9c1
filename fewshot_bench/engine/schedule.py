"""Running a plan: what is worked on when, and by which process."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from fewshot_bench.data.reading import told
from fewshot_bench.engine.outlook import Outlook, Pace
from fewshot_bench.engine.progress import OnProgress, Progress
from fewshot_bench.engine.work import Work, fitted_baseline
from fewshot_bench.planning.plan import Cell, Plan, Training
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record

__all__ = ["LOOK_AGAIN", "Schedule", "execute"]

LOOK_AGAIN = 1.0  # seconds until the records of other processes are looked for again


def execute(
    plan: Plan, folder: ResultsFolder, *, fresh: bool, on_progress: OnProgress
) -> list[Record]:
    """The record of every cell of the plan, in its order.

    Records on disk are not made again; `fresh` removes them first. A training or cell that fails is
    recorded with its reason, and the others go on. A training that another process works on is left
    to it: its records are waited for, and the work is taken over if that process dies.
    """
    schedule = Schedule(plan, folder, on_progress)
    if fresh:
        schedule.forget()
    return schedule.run()


class Schedule:
    """The trainings of a plan, and the records that are there."""

    def __init__(self, plan: Plan, folder: ResultsFolder, on_progress: OnProgress) -> None:
        self.plan = plan
        self.folder = folder
        self.on_progress = on_progress
        self.claims = Claims(folder.paths.claims)
        self.done: dict[Training, list[Record]] = {}
        self.waiting_for: dict[Training, str] = {}  # who holds the claim
        self.cells = plan.cells
        self.pace = Pace(plan, folder.paths)
        self.reported: set[str] = set()  # stems of the cells whose record was reported
        # by stem: of an earlier run; they are tried again
        self.failures: Mapping[str, Record] = {}

    def forget(self) -> None:
        """Remove all that the plan asks for at once.

        So a run that is stopped afterwards goes on without `fresh`.
        """
        for cells in self.plan.trainings.values():
            self._work(cells[0]).forget()
            for cell in cells:
                self.folder.remove(cell.stem)

    def run(self) -> list[Record]:
        """Work on one training after the other; the record of every cell."""
        self.look_back()
        while True:
            for training in self.plan.trainings:
                if training not in self.done and not self.is_done(training):
                    holder = self.attempt(training)
                    if holder:
                        self.report_wait(training, holder)
            if self.has_all:
                return self.records
            time.sleep(LOOK_AGAIN)

    @property
    def has_all(self) -> bool:
        """Whether every training is done."""
        return len(self.done) == len(self.plan.trainings)

    @property
    def records(self) -> list[Record]:
        """The record of every cell, if every training is done."""
        records = []
        for training in self.plan.trainings:
            records += self.done[training]
        return records

    def is_done(self, training: Training) -> bool:
        """Whether all records of a training are there, without failures of an earlier run."""
        cells = self.plan.trainings[training]
        known = self._known(cells)
        if len(known) < len(cells):
            return False
        self.report(known)
        self._end(training, [known[cell] for cell in cells])
        return True

    def attempt(self, training: Training) -> str:
        """Make the missing records of a training.

        Returns who works on it, if that is another process; else an empty text.
        """
        cells = self.plan.trainings[training]
        work = self._work(cells[0])
        with self.claims.held(training.key) as holder:
            if holder:
                return holder
            work.fitted.report("start")
            # another process may have ended in the meantime
            known = self._known(cells)
            self.report(known)
            records = []
            for cell in cells:
                record = known.get(cell) or work.record(cell)
                self.report({cell: record})
                records.append(record)
        self._end(training, records)
        return ""

    def fail(self, training: Training, reason: str) -> str:
        """Let the cells of a training that have no record be failures. Returns as `attempt`."""
        cells = self.plan.trainings[training]
        work = self._work(cells[0])
        with self.claims.held(training.key) as holder:
            if holder:
                return holder
            known = self._known(cells)
            records = [known.get(cell) or work.failed(cell, reason) for cell in cells]
        self.report(dict(zip(cells, records, strict=True)))
        self._end(training, records)
        return ""

    def report_wait(self, training: Training, holder: str) -> None:
        """Report that another process works on a training, once for each."""
        if self.waiting_for.get(training) != holder:
            report = self._work(self.plan.trainings[training][0]).fitted.report
            report("wait", note=f"{holder} works on it")
        self.waiting_for[training] = holder

    def look_back(self) -> None:
        """Report the records that an earlier run left, and remember its failures."""
        failures = {}
        found = {}
        for cell in told(self.cells, "looking for records", len(self.cells)):
            record = self.folder.find(cell.stem)
            if record is None:
                continue
            if record.status == "failed":
                failures[cell.stem] = record
            else:
                found[cell] = record
                self.pace.add(cell, record)
        total = len(self.cells)
        self.on_progress(Progress("", "", "found", total=total, outlook=self._outlook(found)))
        self.report(found, stage="found")
        self.failures = failures

    def _outlook(self, known: Collection[Cell]) -> Outlook:
        """How much is done if these cells are."""
        left = [cell for cell in self.cells if cell not in known]
        trainings = {cell.training for cell in left}
        return Outlook.of(
            self.plan,
            done_trainings=len(self.plan.trainings) - len(trainings),
            done_cells=len(known),
            seconds_left=self.pace.seconds(left),
        )

    def report(self, records: Mapping[Cell, Record], stage: str = "cell") -> None:
        """Report the records that were not reported yet."""
        for cell, record in records.items():
            if cell.stem not in self.reported:
                self.reported.add(cell.stem)
                self.pace.add(cell, record)
                report = self._work(cell).fitted.report
                report(stage, len(self.reported), len(self.cells), record=record)

    def _end(self, training: Training, records: list[Record]) -> None:
        self.done[training] = records
        report = self._work(self.plan.trainings[training][0]).fitted.report
        known = [cell for cell in self.cells if cell.stem in self.reported]
        report("done", note=records[-1].status, outlook=self._outlook(known))

    def _work(self, cell: Cell) -> Work:
        fitted = fitted_baseline(self.plan, cell, self.folder, self.on_progress)
        return Work(self.plan, self.folder, fitted)

    def _known(self, cells: list[Cell]) -> dict[Cell, Record]:
        """The records there are of these cells, without the failures of an earlier run."""
        known = {}
        for cell in cells:
            record = self.folder.find(cell.stem)
            if record is not None and self.failures.get(cell.stem) != record:
                known[cell] = record
        return known
