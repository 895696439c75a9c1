"""How far a call is, as one line on standard error: what notebooks and scripts show by default.

It is plain text: bars of rich need ipywidgets in a notebook, which may not be there.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from fewshot_bench.data.reading import Reading, listening
from fewshot_bench.engine.progress import OnProgress, Progress

__all__ = ["ProgressLine", "shown"]

DELAY = 1.0  # seconds before the line appears: what is done by then needs none
REDRAWN = 0.5  # seconds between two states of a line that is drawn anew
LOGGED = 10.0  # seconds between two lines of a log
MOST_CHARACTERS = 100


@contextlib.contextmanager
def shown(notify: OnProgress | None, *, progress: bool = True) -> Iterator[OnProgress]:
    """What hears the steps of the block: `notify` where it is given, else a line on stderr.

    progress: False shows none. The line also tells how far the reading of data is.
    """
    if notify is not None:
        yield notify
    elif not progress:
        yield _ignore
    else:
        line = ProgressLine(sys.stderr)
        try:
            with listening(line.reading):
                yield line
        finally:
            line.end()


def _ignore(step: Progress) -> None:
    """For a call that shows nothing."""


class ProgressLine:
    """A line that is drawn anew on a terminal and in a notebook, and is repeated in a log."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._start = clock()
        self._is_redrawn = stream.isatty() or type(stream).__module__.startswith("ipykernel")
        self._between = REDRAWN if self._is_redrawn else LOGGED  # seconds
        self._last = self._start + DELAY - self._between
        self._width = 0  # characters of the line that stands there
        self._done = 0
        self._total = 0
        self._found = 0  # cells of an earlier run
        self._text = ""

    def reading(self, reading: Reading) -> None:
        """Show how far the reading of data is."""
        total = f" of {reading.total:,}" if reading.total else ""
        self._show(f"{reading.stage}: {reading.done:,}{total}")

    def __call__(self, step: Progress) -> None:
        """Show how many cells are done, and what is worked on."""
        if step.stage in ("found", "cell"):
            self._done = step.done
            self._total = step.total
            if step.stage == "found":
                self._found = step.done
        else:
            training = f"{step.baseline} ({step.training})" if step.training else step.baseline
            share = f" {100 * step.done / step.total:.0f} %" if step.total else ""
            self._text = f"{training}: {step.stage}{share}"
        self._show(f"{self._counts}{self._text}")

    @property
    def _counts(self) -> str:
        if not self._total:
            return ""
        elapsed = self._clock() - self._start
        counts = f"{self._done} of {self._total} cells, {_minutes(elapsed)}"
        made = self._done - self._found
        if made:
            left = elapsed / made * (self._total - self._done)
            counts += f", about {_minutes(left)} left"
        return f"{counts}; "

    def _show(self, text: str) -> None:
        now = self._clock()
        if now - self._last < self._between:
            return
        self._last = now
        self._write(text)

    def _write(self, text: str) -> None:
        text = text[:MOST_CHARACTERS]
        if self._is_redrawn:
            self._stream.write("\r" + text.ljust(self._width))
        else:
            self._stream.write(f"{text}\n")
        self._width = len(text)
        self._stream.flush()

    def end(self) -> None:
        """Leave the last state of a line that was drawn."""
        if not self._width:
            return
        elapsed = _minutes(self._clock() - self._start)
        count = f"{self._done} of {self._total} cells" if self._total else "done"
        self._write(f"{count}, {elapsed}")
        if self._is_redrawn:
            self._stream.write("\n")


def _minutes(seconds: float) -> str:
    return f"{seconds // 60:.0f}:{seconds % 60:02.0f}"
