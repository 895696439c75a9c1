"""The `bench` command as a whole, and how it ends."""

from __future__ import annotations

import atexit
import gc
import signal
import sys

import typer

from fewshot_bench.cli import reading as results
from fewshot_bench.cli import running as work
from fewshot_bench.errors import UserError

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Which method recognises held-out defect classes from k examples, and is it really better?",
)
app.add_typer(work.app)
app.add_typer(results.app)

INTERRUPTED = 130  # what typer makes of Ctrl-C
OBJECTS = 100_000  # made before garbage is looked for: imports make many and leave none
STOPPED = "stopped; what is done is kept, and the same command, without --fresh, goes on from there"


def _leave() -> None:
    """Spare the way out the search through a million objects, which takes longer than showing a finished run.

    Where an encoder was made triton is there, which complains of what is not cleared away.
    """
    if "triton" not in sys.modules:
        gc.freeze()


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 2."""
    gc.set_threshold(OBJECTS)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # as schedulers stop a job: like Ctrl-C
    atexit.register(_leave)
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        message, status = str(error), 2
    except typer.TyperException as error:  # an unknown option, a missing argument
        told = (
            error.format_message()
            if isinstance(error, typer.BadParameter)
            else getattr(error, "message", str(error))
        )
        message, status = f"{told.rstrip('.')}; bench --help shows what there is", 2
    except OSError as error:  # a full disk, a folder that must not be entered, a name too long
        message, status = (
            f"{error.filename or 'a file'} cannot be read or written ({error.strerror})",
            2,
        )
    else:
        message = STOPPED if status == INTERRUPTED else ""
    if message:
        typer.echo(message if status == INTERRUPTED else f"error: {message}", err=True)
    sys.exit(status or 0)
