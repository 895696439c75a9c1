"""The `bench` command as a whole, and how it ends."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import math
import signal
import sys
import time
from types import FrameType
from typing import Annotated

import typer

from fewshot_bench.cli import advising, caching, deploying, exchanging, listing, reading, running
from fewshot_bench.cli.panels import command_panel
from fewshot_bench.errors import UserError

__all__ = ["app", "main", "stopped_text"]

app = typer.Typer(
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # errors are one line: output is read in logs too
)
for part in (running, listing, reading, exchanging, advising, deploying, caching):
    for command in part.app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        command.rich_help_panel = command_panel(name)
    app.add_typer(part.app)

MISTAKE = 2  # exit status
INTERRUPTED = 130  # exit status that typer makes of Ctrl-C
# objects that are made before Python looks for garbage: imports make many and leave none
OBJECTS_BEFORE_COLLECTION = 100_000
ECHO = 1.0  # seconds after a signal, in which another one means the same


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # slow, so only where it is needed

        typer.echo(f"fewshot-bench {metadata.version('fewshot-bench')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  its callback prints it
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Which method recognises held-out defect classes from k examples, and is it really better?"""
    if context.invoked_subcommand is None:
        with contextlib.redirect_stdout(sys.stderr):
            context.get_help()  # typer prints it
        raise typer.Exit(MISTAKE)


def stopped_text(words: list[str]) -> str:
    """What is told when the command with these words was stopped."""
    other = ", without --fresh," if "--fresh" in words else ""
    return f"stopped; what is done is kept, and the same command{other} goes on from there"


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 2."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    _print_anything()
    _hear_signals()
    atexit.register(_skip_last_collection)
    try:
        status = app(standalone_mode=False) or 0
    except UserError as error:
        status = _mistake(str(error))
    except typer.TyperException as error:  # an unknown option, a missing argument
        status = _mistake(_usage_text(error))
    except OSError as error:  # a full disk, a folder that must not be entered, a name too long
        name = error.filename or "a file"
        status = _mistake(f"{name} cannot be read or written ({error.strerror})")
    if status == INTERRUPTED:
        # Python puts its own handlers away as it ends, and an echo would then change the status
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        typer.echo(stopped_text(sys.argv), err=True)
    sys.exit(status)


def _print_anything() -> None:
    """Print what the encoding of a terminal or file does not have as an escape, such as \\u5212.

    A class may be named in any script, and a result that is computed must not be lost over it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _hear_signals() -> None:
    """Make SIGTERM, by which schedulers stop a job, the same as Ctrl-C, and count an echo once.

    `uv run` and some shells send a signal twice; the second one must not end the writing of what
    is done.
    """
    last = -math.inf

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before = last
        last = time.monotonic()
        if last - before > ECHO:
            signal.default_int_handler(number, frame)

    signal.signal(signal.SIGTERM, interrupt)
    # a job in the background of a shell is not to hear SIGINT
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)


def _mistake(message: str) -> int:
    """Print what is wrong; the exit status."""
    typer.echo(f"error: {message}", err=True)
    return MISTAKE


def _usage_text(error: typer.TyperException) -> str:
    """What typer says of an unknown option or a missing argument, and where to look."""
    names_parameter = isinstance(error, typer.BadParameter)
    text = error.format_message() if names_parameter else error.message
    nearest = getattr(error, "possibilities", None)  # of an unknown option, the most alike first
    if nearest:
        text += f"; did you mean {nearest[0]}?"
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "bench"
    return f"{text.rstrip('.')}; {command} --help shows what there is"


def _skip_last_collection() -> None:
    """At exit, spare the search for garbage: it takes longer than to show a finished run.

    It stays where an encoder was made: triton is imported then, and complains of what is not freed.
    """
    if "triton" not in sys.modules:
        gc.freeze()
