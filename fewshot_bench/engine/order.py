"""What a worker process is told: once what all trainings of a run share, then each training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewshot_bench.planning.plan import Cell, Plan, Training
from fewshot_bench.records.record import Record
from fewshot_bench.request import Request

__all__ = ["RunOrder", "TrainingOrder"]


@dataclass(frozen=True)
class RunOrder:
    """What all trainings of a run share. A worker process makes the plan of it again.

    plugins: files given with `--plugin`; out: the folder of results; claim: which the process that
    runs the plan holds there; folder: in which relative paths begin; argv: the command.
    """

    request: Request
    plugins: tuple[Path, ...]
    out: Path
    claim: str
    folder: Path
    argv: tuple[str, ...]


@dataclass(frozen=True)
class TrainingOrder:
    """One training of the plan.

    position: in the plan; cells: the keys of its cells; about: what their keys depend on, by name;
    failures: records of an earlier run that are tried again, by stem.
    """

    position: int
    cells: tuple[str, ...]
    about: Mapping[str, Any]
    failures: Mapping[str, Record]

    @classmethod
    def of(
        cls, plan: Plan, training: Training, position: int, failures: Mapping[str, Record]
    ) -> TrainingOrder:
        """For a training of a plan. failures: of all trainings."""
        cells = plan.trainings[training]
        own_failures = {}
        for cell in cells:
            if cell.stem in failures:
                own_failures[cell.stem] = failures[cell.stem]
        return cls(position, _keys(cells), _about(plan, training), own_failures)

    def refusal(self, plan: Plan) -> str:
        """Why a plan that was made on this machine is not the one that is meant; empty if it is."""
        trainings = list(plan.trainings)
        if self.position < len(trainings):
            training = trainings[self.position]
            if _keys(plan.trainings[training]) == self.cells:
                return ""
            for name, here in _about(plan, training).items():
                if here != self.about[name]:
                    return f"{name} here: {here}, and where the run was started: {self.about[name]}"
        return "the plan made here has other trainings than the one made where the run was started"


def _keys(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(cell.key for cell in cells)


def _about(plan: Plan, training: Training) -> dict[str, Any]:
    """What the keys of a training depend on, in the order in which differences are looked for."""
    settings = {f"{training.name}.{name}": v for name, v in training.settings.as_dict().items()}
    return {
        "version of fewshot-bench": training.version,
        f"digest of {plan.data.name}": plan.data.digest,
        "method": training.name,
        f"digest of the code of {training.name}": training.plugin.sha256,
        **settings,
    }
