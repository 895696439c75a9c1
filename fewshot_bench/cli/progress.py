"""Progress while a run works: how far each stage is, and how long it will take."""

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

from fewshot_bench.engine.schedule import Progress as Step

__all__ = ["Watch"]


class Watch:
    """Live progress on a terminal, plain lines elsewhere; call it with each step."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(), TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self.task: TaskID | None = None
        self.current = ("", "", "")
        self.done: list[str] = []

    def __enter__(self) -> Self:
        self.bars.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.bars.__exit__(kind, error, at)

    def __call__(self, step: Step) -> None:
        """Show one step."""
        name = step.baseline + (f" ({step.training})" if step.training else "")
        if step.stage == "done":
            if self.task is not None:
                self.bars.remove_task(self.task)
                self.task = None
            self.done.append(name)
            self.console.print(f"{name}: {step.note}", highlight=False)
            return
        if self.task is None or self.current != (step.baseline, step.training, step.stage):
            if self.task is not None:
                self.bars.remove_task(self.task)
            self.task = self.bars.add_task(
                f"{name}: {step.stage}", note="", total=step.total or None
            )
            self.current = (step.baseline, step.training, step.stage)
            if not self.console.is_terminal and step.stage != "score":
                told = f" ({step.note})" if step.stage == "wait" else ""
                self.console.print(f"{name}: {step.stage} ...{told}", highlight=False)
        self.bars.update(self.task, completed=step.done, total=step.total or None, note=step.note)
