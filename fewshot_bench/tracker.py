"""The base class of the trackers in `fewshot_bench/trackers/`, and the events they are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fewshot_bench.records.record import Record

__all__ = ["CellDone", "Ended", "Event", "Started", "Step", "Tracker"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened to a training. training: a name that all its events carry."""

    training: str


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """A training begins.

    baseline: its name; label: what sets
    it apart from the other trainings of its baseline, or empty; dataset: the name of the data set;
    settings: as they are resolved; cells: how many records it serves.
    """

    baseline: str
    label: str
    dataset: str
    preset: str
    seed: int
    settings: Mapping[str, Any]
    cells: int


@dataclass(frozen=True, kw_only=True)
class Step(Event):
    """A training went on. images_passed: images it was trained on; loss: of the last step."""

    images_passed: int
    loss: float


@dataclass(frozen=True, kw_only=True)
class CellDone(Event):
    """A cell of a training has its record.

    accuracy: a fraction, with its 95 % interval from `low` to `high`; None where the record's
    status is not "ok".
    """

    record: Record
    accuracy: float | None
    low: float | None
    high: float | None

    @property
    def step(self) -> int:
        """Where it stands on an axis of whole numbers.

        The number of shots; in a classification protocol the train images a class, or their share
        in %.
        """
        condition = self.record.condition
        return round(100 * condition) if isinstance(condition, float) else condition

    @property
    def numbers(self) -> dict[str, float]:
        """What a curve of each is drawn of: the accuracy and the ends of its interval by name."""
        named = {"accuracy": self.accuracy, "accuracy_low": self.low, "accuracy_high": self.high}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Ended(Event):
    """A training has all its records. status: of the last one, as `Record.status`."""

    status: str


class Tracker:
    """Listens to a run while it works, and tells someone else of it.

    A file in `fewshot_bench/trackers/` defines one public subclass; its stem is the tracker's name,
    and the first line of its docstring is what `bench list` shows. One object hears all events of a
    run, in the process that was started by the user. Several trainings may go on at once, so that
    their events come in turns. A training whose records are all there is not told of.
    A tracker that raises is heard no more: the run goes on and says so at its end.
    """

    # a module that may be missing, and the extra of fewshot-bench that installs it
    needs: ClassVar[tuple[str, str] | None] = None

    def __init__(self, out: Path) -> None:
        """out: the folder of results, for what the tracker writes itself."""
        self.out = out

    def hear(self, event: Event) -> None:
        """Take an event in."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is open: the run ended, or was stopped."""
