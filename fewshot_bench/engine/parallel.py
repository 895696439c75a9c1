"""Running a plan in other processes: an engine runs the trainings, and this process watches."""

from __future__ import annotations

import pickle
import queue
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from fewshot_bench.engine.order import RunOrder, TrainingOrder
from fewshot_bench.engine.progress import OnProgress, Progress
from fewshot_bench.engine.schedule import LOOK_AGAIN, Schedule
from fewshot_bench.engine.worker import DONE, HELD, RAISED
from fewshot_bench.jobs.engine import Answer, Engine, Job, WorkerLost
from fewshot_bench.planning.engine_choice import Workplace
from fewshot_bench.planning.plan import Plan, Training
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from fewshot_bench.request import Request

__all__ = ["execute_elsewhere"]

UNSEEN = 60.0  # seconds until records that another machine wrote must be seen here

Event = Callable[[], None]


def execute_elsewhere(
    plan: Plan,
    folder: ResultsFolder,
    workplace: Workplace,
    request: Request,
    plugins: Sequence[Path],
    *,
    fresh: bool,
    on_progress: OnProgress,
) -> list[Record]:
    """As `execute`, with the trainings in other processes, several at once.

    request, plugins: what the plan was made of; each process makes it again. A training whose
    process is killed is tried again, and is a failure if that happens `allowed_failures` times.
    """
    schedule = Schedule(plan, folder, on_progress)
    if fresh:
        schedule.forget()
    order = RunOrder(
        request=request,
        plugins=tuple(plugins),
        out=folder.out.absolute(),
        claim=f"run-{uuid.uuid4().hex}",
        folder=Path.cwd(),
        argv=tuple(sys.argv),
    )
    watch = _Watch(schedule, workplace, order)
    # worker processes see by this claim whether the folder is the one meant here
    with schedule.claims.held(order.claim):
        return watch.run()


class _Watch:
    """Hands the trainings to an engine, and takes what comes back in the thread of the caller."""

    def __init__(self, schedule: Schedule, workplace: Workplace, order: RunOrder) -> None:
        self.schedule = schedule
        self.engine: Engine = workplace.engine
        self.job = Job("", pickle.dumps(order), b"", workplace.threads, workplace.gpus)
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.lost: Counter[Training] = Counter()
        self.again: list[_Later] = []
        trainings = schedule.plan.trainings
        self.positions = {training: number for number, training in enumerate(trainings)}
        self.ended: set[str] = set()  # identities of trainings
        self.cells = {cell.stem: cell for cell in schedule.cells}
        # trainings of one key share their checkpoint: one after the other
        self.queues: dict[str, deque[Training]] = {}

    def run(self) -> list[Record]:
        """The record of every cell."""
        schedule = self.schedule
        schedule.look_back()
        for training in schedule.plan.trainings:
            if not schedule.is_done(training):
                self.queues.setdefault(training.key, deque()).append(training)
        if schedule.has_all:
            return schedule.records
        try:
            self.engine.start(self._tell)
            for waiting in self.queues.values():
                self._submit(waiting[0])
            while not schedule.has_all:
                self._take_events()
                self._try_again()
        finally:
            self.engine.stop()
        return schedule.records

    def _tell(self, message: bytes) -> None:
        """Take a report, in any thread."""
        self.events.put(lambda: self._show(pickle.loads(message)))

    def _submit(self, training: Training) -> None:
        order = TrainingOrder.of(
            self.schedule.plan, training, self.positions[training], self.schedule.failures
        )
        job = replace(self.job, name=training.name, content=pickle.dumps(order))

        def take(future: Future[Answer]) -> None:
            self.events.put(lambda: self._take(training, future))

        self.engine.submit(job).add_done_callback(take)

    def _take_events(self) -> None:
        """Take what came, or wait for it until there is something to be tried again."""
        try:
            event = self.events.get(timeout=LOOK_AGAIN)
            while True:
                event()
                event = self.events.get_nowait()
        except queue.Empty:
            return

    def _show(self, progress: Progress) -> None:
        """Report a step; a record under the number that it has among those of all processes."""
        if progress.identity in self.ended:
            return  # it comes late
        if progress.record is not None:
            cell = self.cells[progress.record.stem]
            self.schedule.report({cell: progress.record})
        elif progress.stage != "done":  # that is reported when the records are seen here
            self.schedule.on_progress(progress)

    def _take(self, training: Training, future: Future[Answer]) -> None:
        """Take the end of a job."""
        try:
            answer = future.result()
        except WorkerLost as lost:
            self._take_loss(training, lost)
            return
        if answer.kind == RAISED:
            raise pickle.loads(answer.content)
        text = answer.content.decode()
        if answer.kind == DONE:
            self._see(training, time.monotonic() + UNSEEN)
        elif answer.kind == HELD:
            self.schedule.report_wait(training, text)
            self._later(lambda: self._submit(training))
        else:
            self._fail(training, text)

    def _take_loss(self, training: Training, lost: WorkerLost) -> None:
        self.lost[training] += 1
        times = self.lost[training]
        if times < self.engine.settings.allowed_failures:
            self._submit(training)
            return
        often = "once" if times == 1 else f"{times} times"
        self._fail(training, f"its worker process {lost.event} {often} ({lost.how})")

    def _see(self, training: Training, deadline: float) -> None:
        """Look for the records of a training; a network disk may show them late."""
        if self.schedule.is_done(training):
            self._next(training)
        elif time.monotonic() < deadline:
            self._later(lambda: self._see(training, deadline))
        else:
            self._fail(training, "its worker process wrote records that are not seen here")

    def _fail(self, training: Training, reason: str) -> None:
        holder = self.schedule.fail(training, reason)
        if holder:
            # the claim of a process that was killed on another machine ends by itself
            self.schedule.report_wait(training, holder)
            self._later(lambda: self._fail(training, reason))
        else:
            self._next(training)

    def _next(self, training: Training) -> None:
        """Go on with the next training of the same key."""
        self.ended.add(training.identity)
        waiting = self.queues[training.key]
        waiting.popleft()
        while waiting:
            if not self.schedule.is_done(waiting[0]):
                self._submit(waiting[0])
                return
            waiting.popleft()

    def _later(self, event: Event) -> None:
        self.again.append(_Later(time.monotonic() + LOOK_AGAIN, event))

    def _try_again(self) -> None:
        now = time.monotonic()
        due = [later for later in self.again if later.at <= now]
        self.again = [later for later in self.again if later.at > now]
        for later in due:
            later.event()


@dataclass(frozen=True)
class _Later:
    """What is to be done, and when by the monotonic clock."""

    at: float
    event: Event
