"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnProgress", "Progress", "StageReporter"]


@dataclass(frozen=True)
class Progress:
    """How far the work on one training is.

    training: its seed, or its train size and run, or empty for the first seed; stage: train, embed,
    score, wait (for another process), explain, or done.
    """

    baseline: str
    training: str
    stage: str
    done: int = 0
    total: int = 0
    note: str = ""


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class StageReporter:
    """Reports how far each stage of one training is."""

    baseline: str
    training: str
    on_progress: OnProgress

    def __call__(self, stage: str, done: int = 0, total: int = 0, note: str = "") -> None:
        """Report one step; `stage` as in `Progress`."""
        self.on_progress(Progress(self.baseline, self.training, stage, done, total, note))
