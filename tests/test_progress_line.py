"""What stands on standard error while a call works: one line drawn anew, or now and then a line of a log."""

import io
from collections.abc import Iterator

from fewshot_bench.data.reading import Reading
from fewshot_bench.engine.progress import Progress
from fewshot_bench.progress_line import ProgressLine, shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Goes on by so many seconds at each step."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def steps(line: ProgressLine, clock: Clock) -> Iterator[None]:
    for step in (
        Progress("", "", "found", 1, 4),
        Progress("frozen", "", "embed", 50, 100),
        Progress("frozen", "", "cell", 2, 4),
        Progress("amp", "seed 1", "train", 1, 4),
    ):
        clock.now += 3
        line(step)
        yield


def test_a_terminal_has_one_line_with_counts_and_the_time_left():
    clock = Clock()
    stream = Terminal()
    line = ProgressLine(stream, clock)
    line.reading(Reading("read", 1, 9))
    assert stream.getvalue() == "", "what is done within a second needs no line"
    for _ in steps(line, clock):
        pass
    assert "\n" not in stream.getvalue()
    *_, last = stream.getvalue().split("\r")
    assert last == "2 of 4 cells, 0:12, about 0:24 left; amp (seed 1): train 25 %"
    line.end()
    *_, last = stream.getvalue().split("\r")
    assert last.split("\n") == ["2 of 4 cells, 0:12".ljust(61), ""]


def test_a_log_has_a_line_every_ten_seconds():
    clock = Clock()
    stream = io.StringIO()
    line = ProgressLine(stream, clock)
    for _ in range(4):
        for _ in steps(line, clock):
            pass
    line.end()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[-1] == "2 of 4 cells, 0:48"
    assert "\r" not in stream.getvalue()


def test_who_listens_hears_every_step_and_nothing_is_drawn(capsys):
    heard: list[Progress] = []
    with shown(heard.append) as on_progress:
        on_progress(Progress("frozen", "", "start"))
    with shown(None, progress=False) as on_progress:
        on_progress(Progress("frozen", "", "start"))
    assert len(heard) == 1
    assert capsys.readouterr().err == ""
