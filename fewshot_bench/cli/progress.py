"""Progress of a run: how far each stage is, and how long it will take."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fewshot_bench.engine.progress import Progress as Step

__all__ = ["Watch"]

BAR_WIDTH = 24  # characters


class Watch:
    """Live progress on a terminal, plain lines elsewhere; call it with each step of a run.

    done: the trainings that are done, by name.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.task: TaskID | None = None
        self.stage = ("", "", "")  # baseline, training and stage that the bar is of
        self.done: list[str] = []

    def __enter__(self) -> Self:
        self.bars.__enter__()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bars.__exit__(error_type, error, traceback)

    def __call__(self, step: Step) -> None:
        """Show one step."""
        name = step.baseline
        if step.training:
            name += f" ({step.training})"
        if step.stage == "done":
            self._remove_bar()
            self.done.append(name)
            self._print(f"{name}: {step.note}")
            return
        total = step.total or None  # None: a bar without an end
        stage = (step.baseline, step.training, step.stage)
        if self.task is None or self.stage != stage:
            self._remove_bar()
            self._print_start(name, step)
            self.task = self.bars.add_task(f"{name}: {step.stage}", total=total, note="")
            self.stage = stage
        self.bars.update(self.task, completed=step.done, total=total, note=step.note)

    def _remove_bar(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None

    def _print_start(self, name: str, step: Step) -> None:
        """Where there is no bar, one line for each stage; scoring is too short for one."""
        if self.console.is_terminal or step.stage == "score":
            return
        text = f"{name}: {step.stage} ..."
        if step.stage == "wait":
            text += f" ({step.note})"
        self._print(text)

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False)
