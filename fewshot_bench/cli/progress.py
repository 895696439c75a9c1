"""Progress of a run: how far each stage is, how long it will take, and the accuracies so far."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from fewshot_bench.cli.standings_table import records_line, standings_table
from fewshot_bench.data.reading import Reading, listening
from fewshot_bench.engine.progress import Progress as Step
from fewshot_bench.leaderboard.standings import Standings
from fewshot_bench.records.record import Record

__all__ = ["LineWatch", "LiveWatch", "Watch", "watch_on"]

BAR_WIDTH = 24  # characters
REDRAWS = 2  # a second; one takes 5 ms
# time that accuracies may take: seconds, and a share of the time of the run
GRACE = 1.0
SHARE = 0.01
MOST_ROWS = 14  # of the table, so that it is at most 20 lines high with its frame and the bar
LINES_BESIDE_ROWS = 7  # frame, heading, bar, and the line of the cursor
SHORT_STAGES = ("start", "score")
MOST_CELL_LINES = 60  # cells of a run that have a line each where there is no terminal


def watch_on(console: Console, standings: Standings | None = None) -> Watch:
    """The watch for a console: a live table on a terminal, lines elsewhere, or nothing if quiet.

    standings: of the run, whose accuracies are shown; None: none are.
    """
    if console.quiet:
        return Watch()
    if console.is_interactive:
        return LiveWatch(console, standings)
    return LineWatch(console, standings)


class Watch:
    """Shows nothing; call it with each step of a run. done, total: cells of the run.

    In its `with` statement it is told how far the reading of data is, too.
    """

    def __init__(self) -> None:
        self.done = 0
        self.total = 0
        self._listening = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._listening.enter_context(listening(self.show_reading))
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listening.close()

    def show_reading(self, reading: Reading) -> None:
        """Show how far the reading of data is; only a terminal does."""

    @property
    def done_text(self) -> str:
        """How many cells are done, in words."""
        return f"{self.done} of {self.total} cells" if self.done else "nothing"

    def __call__(self, step: Step) -> None:
        """Show one step."""
        match step.stage:
            case "found" | "cell":
                self.done = step.done
                self.total = step.total
                if step.record is not None:
                    self.show_record(step.record, is_found=step.stage == "found")
            case "done":
                self.show_end(step)
            case _:
                self.show_stage(step)

    def show_record(self, record: Record, *, is_found: bool) -> None:
        """Show what a cell gave. is_found: by an earlier run."""

    def show_end(self, step: Step) -> None:
        """Show that a training is done."""

    def show_stage(self, step: Step) -> None:
        """Show how far a stage of a training is."""


class _Allowance:
    """Time that the accuracies of a run may take, from when it is made on."""

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.spent = 0.0  # seconds

    @property
    def is_used_up(self) -> bool:
        elapsed = time.perf_counter() - self.start
        return self.spent > GRACE + SHARE * elapsed

    @contextlib.contextmanager
    def spend(self) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.spent += time.perf_counter() - start


class LiveWatch(Watch):
    """Bars on a terminal, and below them a table that fills in; it goes when the run ends."""

    def __init__(self, console: Console, standings: Standings | None = None) -> None:
        super().__init__()
        self.console = console
        self.standings = standings
        self.allowance = _Allowance()
        self.bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR_WIDTH),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        )
        self.task: TaskID | None = None
        self.stage = ("", "", "")  # baseline, training and stage that the bar is of
        self.table: Table | None = None
        self.is_outdated = False  # whether the table lacks a record
        self.live = Live(
            console=console,
            get_renderable=self.view,
            refresh_per_second=REDRAWS,
            transient=True,
        )

    def __enter__(self) -> Self:
        self.live.__enter__()
        return super().__enter__()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(error_type, error, traceback)
        self.live.__exit__(error_type, error, traceback)

    def __call__(self, step: Step) -> None:
        """Show one step, and as many accuracies as there is time for."""
        super().__call__(step)
        self._update_table()

    def show_record(self, record: Record, *, is_found: bool) -> None:  # noqa: ARG002
        """Put it into the table."""
        if self.standings is not None:
            self.standings.add(record)
            self.is_outdated = True

    def show_end(self, step: Step) -> None:
        """Remove the bar."""
        self._remove_bar()
        if self.standings is None:
            self.console.print(f"{_training_name(step)}: {step.note}", highlight=False)

    def show_reading(self, reading: Reading) -> None:
        """Move the bar, which says how many files or pictures are done."""
        count = f"{reading.done:,}"
        if reading.total:
            count += f" of {reading.total:,}"
        self._move_bar(("", "", reading.stage), reading.stage, reading.done, reading.total, count)

    def show_stage(self, step: Step) -> None:
        """Move the bar."""
        stage = (step.baseline, step.training, step.stage)
        description = f"{_training_name(step)}: {step.stage}"
        self._move_bar(stage, description, step.done, step.total, step.note)

    def _move_bar(
        self, stage: tuple[str, str, str], description: str, done: int, total: int, note: str
    ) -> None:
        """The bar of this stage, a new one where another was shown. total: 0: without an end."""
        if self.task is None or self.stage != stage:
            self._remove_bar()
            self.task = self.bars.add_task(description, total=total or None, note="")
            self.stage = stage
        self.bars.update(self.task, completed=done, total=total or None, note=note)

    def _remove_bar(self) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None

    def _update_table(self) -> None:
        """Compute as many accuracies as there is time for."""
        if self.standings is None or not self.is_outdated or self.allowance.is_used_up:
            return
        has_more = True
        while has_more and not self.allowance.is_used_up:
            with self.allowance.spend():
                has_more = self.standings.compute_one()
        self.is_outdated = has_more
        with self.allowance.spend():
            rows = min(MOST_ROWS, max(1, self.console.height - LINES_BESIDE_ROWS))
            self.table = standings_table(self.standings.so_far(), rows)

    def view(self) -> Group:
        """What the terminal shows now: the bar, the table, and how many cells are done."""
        if self.table is None:
            return Group(self.bars)
        return Group(self.bars, self.table, Text(f"{self.done_text} done"))


class LineWatch(Watch):
    """Plain lines: one for each cell or, in a run of many cells, for each training."""

    def __init__(self, console: Console, standings: Standings | None = None) -> None:
        super().__init__()
        self.console = console
        self.standings = standings
        self.allowance = _Allowance()
        self.stage = ("", "", "")  # baseline, training and stage of the last line
        self.found = 0  # cells that an earlier run left and that no line was printed of
        self.of_training: list[Record] = []  # that no line was printed of
        self.waiting: deque[list[Record]] = deque()  # the records of each line to be printed

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Print what is left without accuracies; the leaderboard has them."""
        super().__exit__(error_type, error, traceback)
        self._print_found()
        for records in self.waiting:
            self._print(records_line(records, None))

    def __call__(self, step: Step) -> None:
        """Show one step, and as many accuracies as there is time for."""
        if step.stage != "found":
            self._print_found()
        super().__call__(step)
        while self.waiting and not self.allowance.is_used_up:
            with self.allowance.spend():
                line = records_line(self.waiting.popleft(), self.standings)
            self._print(line)

    @property
    def is_brief(self) -> bool:
        """Whether there are so many cells that each training has one line."""
        return self.total > MOST_CELL_LINES

    def show_record(self, record: Record, *, is_found: bool) -> None:
        """A line for the cell, or a part of the line of its training."""
        if self.standings is None:
            return
        self.standings.add(record)
        if is_found:
            self.found += 1
        elif self.is_brief:
            self.of_training.append(record)
        else:
            self.waiting.append([record])

    def show_end(self, step: Step) -> None:
        """A line for the training, where its cells have none."""
        if self.standings is None:
            self._print(f"{_training_name(step)}: {step.note}")
        elif self.of_training:
            self.waiting.append(self.of_training)
            self.of_training = []

    def show_stage(self, step: Step) -> None:
        """A line where a stage begins that takes long."""
        stage = (step.baseline, step.training, step.stage)
        is_known = self.stage == stage
        self.stage = stage
        if is_known or step.stage in SHORT_STAGES:
            return
        text = f"{_training_name(step)}: {step.stage} ..."
        if step.stage == "wait":
            text += f" ({step.note})"
        elif self.is_brief:
            return
        self._print(text)

    def _print_found(self) -> None:
        if self.found:
            self._print(f"{self.found} of {self.total} cells are there from an earlier run")
            self.found = 0

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _training_name(step: Step) -> str:
    return f"{step.baseline} ({step.training})" if step.training else step.baseline
