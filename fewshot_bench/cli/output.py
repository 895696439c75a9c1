"""What goes to the terminal, and in which form."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never, get_args

import typer

from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from fewshot_bench.cli.blocks import Block
    from fewshot_bench.cli.progress import Watch

__all__ = [
    "Form",
    "chosen_form",
    "console",
    "known_form",
    "prints_to_stderr",
    "show",
    "show_blocks",
    "show_csv",
    "show_failed",
    "show_paths",
    "show_written",
    "starting",
    "watching",
]

Form = Literal["table", "csv", "md", "latex", "json"]
FORMS: tuple[Form, ...] = get_args(Form)
WIDTH_OF_A_FILE = 120  # characters a line, where nothing tells how wide a terminal is
STANDARD_STREAMS = (0, 1, 2)  # file descriptors


def known_form(flag: str, text: str) -> Form:
    """The form of this name; raises `UserError` if there is none."""
    for form in FORMS:
        if form == text:
            return form
    raise UserError(f"{flag} {text!r} is unknown (allowed: {', '.join(FORMS)})")


def chosen_form(form: Form, *, json: bool) -> Form:
    """The form that `--format` and `--json` choose; raises `UserError` if they choose two."""
    if not json:
        return form
    if form not in ("table", "json"):  # table is the default: --format may have been left out
        raise UserError(f"--json and --format {form} are two forms; leave one out")
    return "json"


def console(*, err: bool = False, quiet: bool = False) -> Console:
    """A console on standard output, or on standard error if `err`; it prints nothing if `quiet`."""
    from rich.console import Console

    width = None if _is_width_known() else WIDTH_OF_A_FILE
    # without markup and emoji: names of classes may hold [ and :
    return Console(stderr=err, width=width, quiet=quiet, markup=False, emoji=False)


def _is_width_known() -> bool:
    """Whether rich finds how wide the terminal is: `bench show | less` has one too."""
    return "COLUMNS" in os.environ or any(map(os.isatty, STANDARD_STREAMS))


def prints_to_stderr(form: Form) -> contextlib.AbstractContextManager[object]:
    """A context in which prints go to standard error, if a program is to read standard output."""
    if form == "table":
        return contextlib.nullcontext()
    return contextlib.redirect_stdout(sys.stderr)


@contextlib.contextmanager
def starting(console: Console, what: str) -> Iterator[None]:
    """Say at once that a command works, while it imports libraries that take seconds."""
    text = f"{what}: starting ..."
    if "torch" in sys.modules:
        yield
    elif console.is_interactive:
        with console.status(text):
            yield
    else:
        console.print(text, highlight=False)
        yield


def watching() -> Watch:
    """Progress of a command that reads results, on standard error; use it in a `with` statement."""
    from fewshot_bench.cli.progress import watch_on

    return watch_on(console(err=True))


def show(
    frame: pd.DataFrame, form: Form, blocks_of: Callable[[pd.DataFrame], Iterable[Block]]
) -> None:
    """Print a frame to standard output.

    As CSV or JSON it has all columns; for eyes it is the lines and tables that `blocks_of` makes.
    """
    match form:
        case "csv":
            show_csv(frame)
        case "json":
            typer.echo(frame.to_json(orient="records", indent=1))
        case "table" | "md" | "latex":
            show_blocks(blocks_of(frame), form)
        case _:
            assert_never(form)


def show_blocks(blocks: Iterable[Block], form: Literal["table", "md", "latex"]) -> None:
    """Print lines and tables to standard output."""
    from fewshot_bench.cli.blocks import print_blocks
    from fewshot_bench.cli.markup import latex_text, markdown_text

    match form:
        case "table":
            print_blocks(console(), blocks)
        case "md":
            typer.echo(markdown_text(blocks))
        case "latex":
            typer.echo(latex_text(blocks))
        case _:
            assert_never(form)


def show_csv(frame: pd.DataFrame) -> None:
    """Print a frame as CSV."""
    from fewshot_bench.leaderboard import tables

    typer.echo(tables.csv_text(frame), nl=False)


def show_failed(console: Console, lines: Iterable[str]) -> None:
    """Print what has no result, with the reason, one a line."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_written(console: Console, files: Sequence[Path]) -> None:
    """Print, on one line, which files a command wrote."""
    names = [str(file) for file in files]
    text = f"Written: {', '.join(names)}"
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def show_paths(files: Iterable[Path]) -> None:
    """Print the paths of files, one a line."""
    for file in files:
        typer.echo(file)
