"""Telling trackers of a run: progress of the engine becomes their events."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from fewshot_bench.engine.progress import Progress
from fewshot_bench.errors import PLUGIN_ERRORS
from fewshot_bench.leaderboard.standings import Standings
from fewshot_bench.planning.plan import Plan, Training
from fewshot_bench.records.record import Record
from fewshot_bench.tracker import CellDone, Ended, Event, Started, Step, Tracker

__all__ = ["Tracking"]


class Tracking:
    """Tells trackers of the trainings of a plan; call it with each `Progress`.

    trackers: by name. A tracker that raises is closed and told no more; `notes` says why.
    """

    def __init__(self, plan: Plan, out: Path, trackers: Mapping[str, Tracker]) -> None:
        self.plan = plan
        self.out = out
        self.trackers = dict(trackers)
        self.notes: list[str] = []
        self._started: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        """Tell of one step of the run."""
        if not self.trackers:
            return  # accuracies take time
        event = self._event(progress)
        if event is not None:
            self._tell(event)

    def close(self) -> None:
        """Close all trackers."""
        for name in list(self.trackers):
            self._close(name)

    def _event(self, progress: Progress) -> Event | None:
        """What a step of the run is to a tracker; None if it is nothing."""
        identity = progress.identity
        if progress.stage == "start":
            if identity in self._started:
                return None  # its worker process was killed, and another one goes on
            self._started.add(identity)
            return self._beginning(progress)
        if identity not in self._started:
            return None
        if progress.stage == "train" and progress.loss is not None:
            return Step(training=identity, images_passed=progress.done, loss=progress.loss)
        if progress.stage == "cell" and progress.record is not None:
            return self._cell_done(identity, progress.record)
        if progress.stage == "done":
            return Ended(training=identity, status=progress.note)
        return None

    def _beginning(self, progress: Progress) -> Started:
        training = self._trainings[progress.identity]
        return Started(
            training=progress.identity,
            baseline=training.name,
            label=progress.training,
            dataset=self.plan.data.name,
            preset=training.preset,
            seed=training.seed,
            settings=training.settings.as_dict(),
            cells=len(self.plan.trainings[training]),
        )

    @cached_property
    def _trainings(self) -> dict[str, Training]:
        return {training.identity: training for training in self.plan.trainings}

    @cached_property
    def _standings(self) -> Standings:
        return Standings(self.out)

    def _cell_done(self, identity: str, record: Record) -> CellDone:
        estimate = self._standings.accuracy_of(record)
        if estimate is None:
            return CellDone(training=identity, record=record, accuracy=None, low=None, high=None)
        return CellDone(
            training=identity,
            record=record,
            accuracy=estimate.accuracy,
            low=estimate.low,
            high=estimate.high,
        )

    def _tell(self, event: Event) -> None:
        for name, tracker in list(self.trackers.items()):
            try:
                tracker.hear(event)
            except PLUGIN_ERRORS as error:
                self._note(name, error)
                self._close(name)

    def _close(self, name: str) -> None:
        tracker = self.trackers.pop(name)
        try:
            tracker.close()
        except PLUGIN_ERRORS as error:
            self._note(name, error)

    def _note(self, name: str, error: BaseException) -> None:
        text = " ".join(str(error).split())
        self.notes.append(
            f"tracker {name} failed and was told no more ({type(error).__name__}: {text}); "
            "records and tables are complete without it"
        )
