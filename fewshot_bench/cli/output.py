"""What goes to the terminal, and in which form."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

__all__ = ["Form", "Json", "console", "form", "rows_alone", "show"]

FORMS = ("table", "csv", "md", "json")
NOT_A_TERMINAL = 120  # columns
BAR = "\\|"  # a bar that ends no cell of a Markdown table
Form = Annotated[str, typer.Option("--format", help="table, csv, md or json.")]
Json = Annotated[bool, typer.Option("--json", help="As --format json.")]


def form(chosen: str, json: bool) -> str:
    """The form that `--format` and `--json` choose; raises `UserError` for one that there is not."""
    if chosen not in FORMS:
        raise UserError(f"--format {chosen!r} is unknown (allowed: {', '.join(FORMS)})")
    if json and chosen not in ("table", "json"):
        raise UserError(f"--json and --format {chosen} are two forms; leave one out")
    return "json" if json else chosen


def console(*, err: bool = False, quiet: bool = False) -> Console:
    """Where tables go, or progress while standard output holds something to be read by a program; nothing if `quiet`."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else NOT_A_TERMINAL
    return Console(
        stderr=err, width=width, quiet=quiet, markup=False, emoji=False
    )  # class names may hold [ and :


def rows_alone(form: str) -> contextlib.AbstractContextManager[object]:
    """A context in which what a method prints goes to standard error, where standard output is for a program to read."""
    return contextlib.nullcontext() if form == "table" else contextlib.redirect_stdout(sys.stderr)


def show(frame: pd.DataFrame, form: str, as_table: Callable[[Console, pd.DataFrame], None]) -> None:
    """A frame to standard output: as a table for eyes, or as csv, md or json."""
    if form == "table":
        as_table(console(), frame)
    elif form == "csv":
        from fewshot_bench.leaderboard import tables

        typer.echo(tables.text(frame), nl=False)
    elif form == "json":
        typer.echo(frame.to_json(orient="records", indent=1))
    else:
        rows = [[_cell(cell) for cell in row] for row in frame.astype(object).to_numpy()]
        for cells in (list(frame.columns), ["---"] * len(frame.columns), *rows):
            typer.echo(f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |")


def _cell(value: object) -> str:
    """A cell of a Markdown table; empty where there is nothing."""
    if not isinstance(value, str | int | float) or value != value:  # None, NA, NaN
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
