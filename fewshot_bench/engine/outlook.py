"""How much of a run is done, and about how long the rest takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fewshot_bench.engine.provenance import device_name
from fewshot_bench.planning.plan import Cell, Plan, Training
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest

__all__ = ["Outlook", "Pace"]


@dataclass(frozen=True)
class Outlook:
    """What a run is about, and how much of it is done.

    conditions: shot values or train sizes, as text; trainings, cells: their numbers; seconds_left:
    of this process alone, as trainings that differ in their seed took; None: that is not known.
    """

    dataset: str
    protocols: tuple[str, ...]
    baselines: tuple[str, ...]
    conditions: tuple[str, ...]
    trainings: int
    cells: int
    done_trainings: int
    done_cells: int
    seconds_left: float | None

    @classmethod
    def of(
        cls, plan: Plan, *, done_trainings: int, done_cells: int, seconds_left: float | None
    ) -> Outlook:
        """For a plan of which so much is done."""
        episode_sets = [cell.episode_set for cell in plan.cells]
        return cls(
            dataset=plan.data.name,
            protocols=tuple(dict.fromkeys(one.protocol.name for one in episode_sets)),
            baselines=tuple(plan.baselines),
            conditions=tuple(dict.fromkeys(one.label for one in episode_sets)),
            trainings=len(plan.trainings),
            cells=len(episode_sets),
            done_trainings=done_trainings,
            done_cells=done_cells,
            seconds_left=seconds_left,
        )


class Pace:
    """Seconds that trainings and cells took on this machine, by the records of a run."""

    def __init__(self, plan: Plan, paths: ResultPaths) -> None:
        self.paths = paths
        self._device = device_name(plan.device)
        self._kinds: dict[Cell, str] = {}
        self._fits: dict[str, float] = {}  # seconds of `fit` and of embedding, by kind
        self._scores: dict[tuple[str, str], float] = {}  # seconds of a cell, by kind and rule

    def add(self, cell: Cell, record: Record) -> None:
        """Take the seconds of a record of the run."""
        if record.status != "ok" or record.provenance.device != self._device:
            return
        seconds = record.seconds
        kind = self._kind(cell)
        self._fits[kind] = seconds.get("train", 0.0) + seconds.get("embed", 0.0)
        self._scores[kind, cell.rule.name] = seconds.get("score", 0.0)

    def seconds(self, cells: Iterable[Cell]) -> float | None:
        """About how long these cells take, one after the other; None where one is not known."""
        total = 0.0
        counted: set[Training] = set()
        for cell in cells:
            kind = self._kind(cell)
            score = self._scores.get((kind, cell.rule.name))
            if score is None:
                return None
            total += score
            training = cell.training
            if training not in counted and not self.paths.checkpoint(training.key).is_file():
                total += self._fits[kind]
            counted.add(training)
        return total

    def _kind(self, cell: Cell) -> str:
        """What the cells share that differ in their seed, classes or rule alone."""
        if cell not in self._kinds:
            training = cell.training
            settings = training.settings.as_dict()
            self._kinds[cell] = digest(training.name, settings, cell.episode_set.label)
        return self._kinds[cell]
