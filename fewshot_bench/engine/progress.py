"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fewshot_bench.engine.outlook import Outlook
from fewshot_bench.records.record import Record

__all__ = ["OnProgress", "Progress", "StageReporter"]


@dataclass(frozen=True)
class Progress:
    """How far the work on one training is, or a cell that has its record.

    training: its seed, or its train size and run, or empty for the first seed; stage: start,
    train, embed, score, wait (for another process), explain, done, cell or found.

    In the stage `cell`, `record` is that of a cell, `total` the number of cells of the run, and
    `done` how many of them have a record. A run begins with the stage `found`: once without a
    record, then once for each record that an earlier run left.

    identity: of the training; loss: in the stage `train`, of the last step; outlook: of the run, as
    it begins and as a training is done.
    """

    baseline: str
    training: str
    stage: str
    done: int = 0
    total: int = 0
    note: str = ""
    record: Record | None = None
    identity: str = ""
    loss: float | None = None
    outlook: Outlook | None = None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class StageReporter:
    """Reports how far each stage of one training is."""

    baseline: str
    training: str
    identity: str
    on_progress: OnProgress

    def __call__(
        self,
        stage: str,
        done: int = 0,
        total: int = 0,
        note: str = "",
        record: Record | None = None,
        loss: float | None = None,
        outlook: Outlook | None = None,
    ) -> None:
        """Report one step; the arguments are as in `Progress`."""
        progress = Progress(
            baseline=self.baseline,
            training=self.training,
            stage=stage,
            done=done,
            total=total,
            note=note,
            record=record,
            identity=self.identity,
            loss=loss,
            outlook=outlook,
        )
        self.on_progress(progress)
