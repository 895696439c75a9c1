"""Commands for several folders of results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import (
    ALL_ROWS,
    FAIL_ON,
    FIRST,
    FOLDERS,
    FORMAT,
    INTO,
    JSON,
    NO_CHECKPOINTS,
    PICTURE,
    SECOND,
    SEVERAL,
)
from fewshot_bench.cli.output import Form

if TYPE_CHECKING:
    import pandas as pd

    from fewshot_bench.cli.blocks import Block

__all__ = ["app"]

app = typer.Typer()


@app.command(
    epilog=examples(
        "bench merge runs/left runs/right --into runs/both",
        "bench merge results-of-* --into results --no-checkpoints",
    )
)
@takes(FOLDERS, INTO, NO_CHECKPOINTS, FORMAT, JSON)
def merge(folders: list[Path], into: Path, no_checkpoints: bool, form: Form, json: bool) -> None:
    """Make one folder of several, and its leaderboard; unequal results of one cell are refused."""
    form = output.chosen_form(form, json=json)
    from fewshot_bench import exchange
    from fewshot_bench.cli import exchange_tables

    merged = exchange.merge(folders, into, checkpoints=not no_checkpoints)
    output.show(merged.table, form, exchange_tables.share_blocks)
    if form == "table":
        console = output.console()
        output.show_failed(console, [f"note: {note}" for note in merged.notes])
        output.show_written(console, merged.files)


@app.command(
    epilog=examples(
        "bench diff neu-heldout-quick results",
        "bench diff runs/before runs/after --fail-on moved,missing",
        "bench diff runs/before runs/after --format csv",
    )
)
@takes(FIRST, SECOND, ALL_ROWS, FAIL_ON, FORMAT, JSON)
def diff(
    first: str, second: str, every: bool, fail_on: list[str] | None, form: Form, json: bool
) -> None:
    """Hold folder B against A, row by row: same bits, within the error, or moved; and why."""
    form = output.chosen_form(form, json=json)
    from fewshot_bench import exchange
    from fewshot_bench.cli import exchange_tables

    frame = exchange.diff(first, second)

    def blocks_of(rows: pd.DataFrame) -> Iterator[Block]:
        return exchange_tables.diff_blocks(rows, (first, second), every=every)

    output.show(frame, form, blocks_of)
    reasons = exchange_tables.failures(frame, fail_on or [])
    if reasons:
        output.show_failed(output.console(err=True), reasons)
        raise typer.Exit(1)


@app.command(
    epilog=examples(
        "bench parts results",
        "bench parts neu-splits-quick --picture parts.png",
        "bench parts neu-heldout-quick neu-heldout-changes --format csv",
    )
)
@takes(SEVERAL, PICTURE, FORMAT, JSON)
def parts(folders: list[str], picture: Path | None, form: Form, json: bool) -> None:
    """Show what decides: the spread from features, objective, rule, split, seed and draw."""
    form = output.chosen_form(form, json=json)
    from fewshot_bench import exchange
    from fewshot_bench.cli import parts_table

    frame = exchange.parts(folders)
    output.show(frame, form, parts_table.parts_blocks)
    if picture is not None:
        from fewshot_bench.report import parts_plot

        output.show_paths(parts_plot.draw_parts(frame, picture))
