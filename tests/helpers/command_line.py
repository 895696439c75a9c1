"""The command `bench`, called in this process, and words for small runs."""

import contextlib
import io

import pytest

from fewshot_bench.cli.main import main

SMALL_IMAGES = ("--set", "steel-sim.per_class=20", "--set", "steel-sim.side=32")
FEW = ("--queries", "5", "--episodes", "40")
TINY = (*SMALL_IMAGES, *FEW, "--preset", "scratch")
SHORT = ("--shots", "1", "--episodes", "5", "--queries", "2", "--baselines", "pixels")


def bench(*words: object) -> tuple[int, str]:
    """(exit status, standard error) of the command; the fixture `bench` gives the output too."""
    output = io.StringIO()
    errors = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        patch.setattr("sys.argv", ["bench", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
    return int(stop.value.code or 0), errors.getvalue()


def assert_well_ended(status: int, errors: str) -> None:
    """Success, a cell that failed, or a mistake that one line explains."""
    assert status in (0, 1, 2), errors
    assert "Traceback" not in errors
    if status == 2:
        assert errors.startswith("error: ")
        assert errors.count("\n") == 1, errors


def words_of(command: str) -> list[str]:
    """The words of a part of a command, as typed."""
    return command.split()
