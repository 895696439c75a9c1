"""Bars on a terminal: one for each training that is worked on, several at once."""

from __future__ import annotations

from rich.console import Console, Group
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["MOST_BARS", "Bars"]

BAR_WIDTH = 24  # characters
MOST_BARS = 6  # that are shown; of more, how many there are
Name = tuple[str, str]  # of a training: baseline, and what sets it apart
NOBODY: Name = ("", "")


class Bars:
    """A bar for each training that has begun, where it stays until the training ends.

    What belongs to no training that has begun (reading data, waiting for other processes, drawing)
    shares one bar, which goes as soon as a training moves.
    """

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self._begun: set[Name] = set()
        self._tasks: dict[Name, TaskID] = {}
        self._descriptions: dict[Name, str] = {}

    @property
    def lines(self) -> int:
        """How many lines they take."""
        return min(len(self._tasks), MOST_BARS + 1)

    def begin(self, training: Name) -> None:
        """Let a training have a bar of its own from now on."""
        self._begun.add(training)

    def move(self, training: Name, description: str, done: int, total: int, note: str) -> None:
        """Move the bar of a training; it starts anew where its description is another.

        total: 0: without an end.
        """
        name = training if training in self._begun else NOBODY
        end = total or None
        if name != NOBODY:
            self._remove(NOBODY)
        if name not in self._tasks:
            self._tasks[name] = self.progress.add_task(description, total=end, note="")
        elif self._descriptions[name] != description:
            self.progress.reset(self._tasks[name], total=end, description=description, note="")
        self._descriptions[name] = description
        self.progress.update(self._tasks[name], completed=done, total=end, note=note)
        self._show_first()

    def end(self, training: Name) -> None:
        """Remove the bar of a training."""
        self._begun.discard(training)
        self._remove(training)
        self._remove(NOBODY)
        self._show_first()

    def view(self) -> Group:
        """The first bars, and how many others there are."""
        others = len(self._tasks) - MOST_BARS
        if others <= 0:
            return Group(self.progress)
        return Group(self.progress, Text(f"and {others} more trainings"))

    def _remove(self, name: Name) -> None:
        if name in self._tasks:
            self.progress.remove_task(self._tasks.pop(name))

    def _show_first(self) -> None:
        for position, task in enumerate(self.progress.tasks):
            task.visible = position < MOST_BARS
