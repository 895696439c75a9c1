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
from rich.table import Table
from rich.text import Text

from fewshot_bench.cli.bars import Bars
from fewshot_bench.cli.outlook_text import duration_text, left_text, outlook_lines
from fewshot_bench.cli.standings_table import records_line, standings_table
from fewshot_bench.data.reading import Reading, listening
from fewshot_bench.engine.outlook import Outlook
from fewshot_bench.engine.progress import Progress as Step
from fewshot_bench.leaderboard.standings import Standings
from fewshot_bench.records.record import Record

__all__ = ["LineWatch", "LiveWatch", "Watch", "watch_on"]

REDRAWS = 2  # a second; one takes 5 ms
# time that accuracies may take: seconds, and a share of the time of the run
GRACE = 1.0
SHARE = 0.01
MOST_ROWS = 14  # of the table, so that it is at most 20 lines high with its frame and the bar
LINES_BESIDE_ROWS = 6  # frame, heading, and the line of the cursor; bars come on top
# seconds after which a line tells how far a stage is, where there is no terminal
FIRST_LINE = 3.0
NEXT_LINE = 30.0
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
        self.outlook: Outlook | None = None  # as the run began
        self._begun: dict[tuple[str, str], int] = {}  # the number of each training of the run
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
        """Show how far the reading of data is."""

    @property
    def done_text(self) -> str:
        """How many cells are done, in words."""
        return f"{self.done} of {self.total} cells" if self.done else "nothing"

    def __call__(self, step: Step) -> None:
        """Show one step."""
        match step.stage:
            case "found" if step.outlook is not None:
                self.total = step.total
                self.outlook = step.outlook
                self.show_outlook(step.outlook)
            case "found" | "cell":
                self.done = step.done
                self.total = step.total
                if step.record is not None:
                    self.show_record(step, step.record)
            case "done":
                self.show_end(step)
            case _:
                self.show_stage(step)

    def counted_name(self, step: Step) -> str:
        """The name of a training, and which one of the run it is."""
        name = _training_name(step)
        if self.outlook is None or step.stage == "wait":
            return name
        first = self.outlook.done_trainings + 1
        number = self._begun.setdefault((step.baseline, step.training), first + len(self._begun))
        return f"[{number} of {self.outlook.trainings}] {name}"

    def show_outlook(self, outlook: Outlook) -> None:
        """Show what a run is about, as it begins."""

    def show_record(self, step: Step, record: Record) -> None:
        """Show what a cell gave, in this run or (stage `found`) in an earlier one."""

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
        self.bars = Bars(console)
        self.table: Table | None = None
        self.latest: Outlook | None = None  # as the last training ended
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

    def show_record(self, step: Step, record: Record) -> None:  # noqa: ARG002
        """Put it into the table."""
        if self.standings is not None:
            self.standings.add(record)
            self.is_outdated = True

    def show_outlook(self, outlook: Outlook) -> None:
        """Lines that stay above the bars."""
        _print_outlook(self.console, outlook)

    def show_end(self, step: Step) -> None:
        """Remove the bar."""
        self.latest = step.outlook
        self.bars.end((step.baseline, step.training))
        if self.standings is None:
            self.console.print(f"{_training_name(step)}: {step.note}", highlight=False)

    def show_reading(self, reading: Reading) -> None:
        """Move the bar, which says how many files or pictures are done."""
        count = f"{reading.done:,}"
        if reading.total:
            count += f" of {reading.total:,}"
        self.bars.move(("", ""), reading.stage, reading.done, reading.total, count)

    def show_stage(self, step: Step) -> None:
        """Move the bar."""
        training = (step.baseline, step.training)
        if step.stage == "start":
            self.bars.begin(training)
        description = f"{self.counted_name(step)}: {step.stage}"
        self.bars.move(training, description, step.done, step.total, step.note)

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
            free = self.console.height - LINES_BESIDE_ROWS - max(1, self.bars.lines)
            rows = min(MOST_ROWS, max(1, free))
            self.table = standings_table(self.standings.so_far(), rows)

    def view(self) -> Group:
        """What the terminal shows now: bars, the table, and how many cells are done."""
        if self.table is None:
            return self.bars.view()
        text = f"{self.done_text} done"
        if self.latest is not None and self.latest.seconds_left:
            text += f", about {duration_text(self.latest.seconds_left)} left"
        return Group(self.bars.view(), self.table, Text(text))


class LineWatch(Watch):
    """Plain lines: one for each cell or, in a run of many cells, for each training."""

    def __init__(self, console: Console, standings: Standings | None = None) -> None:
        super().__init__()
        self.console = console
        self.standings = standings
        self.allowance = _Allowance()
        self.stages: dict[tuple[str, str], _Stage] = {}  # of each training, the last one
        # of each training, what no line was printed of
        self.of_training: dict[tuple[str, str], list[Record]] = {}
        self.waiting: deque[list[Record]] = deque()  # the records of each line to be printed

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Print what is left without accuracies; the leaderboard has them."""
        super().__exit__(error_type, error, traceback)
        for records in self.waiting:
            self._print(records_line(records, None))

    def __call__(self, step: Step) -> None:
        """Show one step, and as many accuracies as there is time for."""
        super().__call__(step)
        while self.waiting and not self.allowance.is_used_up:
            with self.allowance.spend():
                line = records_line(self.waiting.popleft(), self.standings)
            self._print(line)

    @property
    def is_brief(self) -> bool:
        """Whether there are so many cells that each training has one line."""
        return self.total > MOST_CELL_LINES

    def show_record(self, step: Step, record: Record) -> None:
        """A line for the cell, or a part of the line of its training."""
        if self.standings is None:
            return
        self.standings.add(record)
        if step.stage == "found":
            return
        if self.is_brief:
            self.of_training.setdefault((step.baseline, step.training), []).append(record)
        else:
            self.waiting.append([record])

    def show_end(self, step: Step) -> None:
        """A line for the training, where its cells have none."""
        if self.standings is None:
            self._print(f"{_training_name(step)}: {step.note}")
        records = self.of_training.pop((step.baseline, step.training), [])
        if records:
            self.waiting.append(records)

    def show_outlook(self, outlook: Outlook) -> None:
        """Two lines."""
        _print_outlook(self.console, outlook)

    def show_stage(self, step: Step) -> None:
        """A line where a stage begins that takes long, and now and then how far it is."""
        name = f"{self.counted_name(step)}: {step.stage}"
        is_new = self._move((step.baseline, step.training), name, step.done, step.total)
        if not is_new or step.stage in SHORT_STAGES:
            return
        if step.stage == "wait":
            self._print(f"{name} ... ({step.note})")
        elif not self.is_brief:
            self._print(f"{name} ...")

    def show_reading(self, reading: Reading) -> None:
        """A line now and then, where it takes long."""
        if reading.done == 0:  # it begins, and may have been there before
            self.stages.pop(("", ""), None)
        self._move(("", ""), reading.stage, reading.done, reading.total)

    def _move(self, owner: tuple[str, str], name: str, done: int, total: int) -> bool:
        """Note how far a stage is, and print it if that was not told for long.

        Returns whether the stage begins.
        """
        known = self.stages.get(owner)
        if known is None or known.name != name:
            self.stages[owner] = _Stage(name, time.monotonic())
            return True
        if known.is_to_be_told:
            self._print(f"{name}: {known.text(done, total)}")
        return False

    def _print(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


class _Stage:
    """A stage that lines tell of now and then: after 3 seconds, and then every 30 seconds."""

    def __init__(self, name: str, begun: float) -> None:
        self.name = name
        self.begun = begun  # by the monotonic clock
        self.told_next = begun + FIRST_LINE

    @property
    def is_to_be_told(self) -> bool:
        """Whether it is time for a line."""
        now = time.monotonic()
        if now < self.told_next:
            return False
        self.told_next = now + NEXT_LINE
        return True

    def text(self, done: int, total: int) -> str:
        """How far it is, and about how long it takes yet."""
        if not total:
            return f"{done:,}" if done else "..."
        left = left_text(done, total, time.monotonic() - self.begun)
        count = f"{done:,} of {total:,}"
        return f"{count}, {left}" if left else count


def _print_outlook(console: Console, outlook: Outlook) -> None:
    for line in outlook_lines(outlook):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _training_name(step: Step) -> str:
    return f"{step.baseline} ({step.training})" if step.training else step.baseline
