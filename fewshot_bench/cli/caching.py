"""Commands that make room: they show and clear the cache, and clean a folder of results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import CLEAR, DRY_RUN, FORMAT, JSON, OLDER_THAN, OUT
from fewshot_bench.cli.output import Form
from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from fewshot_bench.cli.blocks import Block

__all__ = ["app"]

app = typer.Typer()

HEADS = ("kind", "data set", "images", "classes", "size", "last used")


@app.command(
    epilog=examples("bench cache", "bench cache --clear", "bench cache --clear --older-than 30"),
)
@takes(CLEAR, OLDER_THAN, FORMAT, JSON)
def cache(clear: bool, older_than: float | None, form: Form, json: bool) -> None:
    """Show where the cache is, how large it is and what is in it, or clear it."""
    form = output.chosen_form(form, json=json)
    if older_than is not None and not clear:
        raise UserError(f"--older-than {older_than:g} needs --clear; add it, or leave both out")
    from fewshot_bench import room

    if clear:
        _show_cleared(*room.clear_cache(older_than or 0))
        return
    output.show(room.cache(), form, _content_blocks)


def _show_cleared(removed: int, in_use: int) -> None:
    from fewshot_bench.data.cache_files import cache_folder, size_text

    text = f"{cache_folder()}: removed {size_text(removed)}"
    if in_use:
        text += f", kept {size_text(in_use)} that is in use or cannot be removed"
    typer.echo(text)


def _content_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    from fewshot_bench.cli.blocks import Grid, Line
    from fewshot_bench.data.cache_files import cache_folder, size_bound, size_text

    used = size_text(frame["bytes"].sum())
    bound = size_text(size_bound())
    text = f"{cache_folder()}: {used} of at most {bound} ($FEWSHOT_BENCH_CACHE_SIZE)"
    yield Line(text, wraps=False)
    texts = frame[["kind", "dataset", "images", "classes", "bytes", "used"]].astype(object)
    texts["bytes"] = texts["bytes"].map(size_text)
    rows = texts.where(texts.notna(), "").astype(str).to_numpy().tolist()
    if rows:
        yield Grid(HEADS, rows)
        yield Line("bench cache --clear removes it; what a run needs is made again.")


@app.command(
    epilog=examples("bench clean --dry-run", "bench clean --out runs/neu"),
)
@takes(DRY_RUN, OUT, FORMAT, JSON)
def clean(dry_run: bool, out: Path, form: Form, json: bool) -> None:
    """Remove from a folder of results what can be made again: checkpoints, features, old claims.

    Records and tables stay, and so does what a run works with or a stopped run goes on from.
    Without checkpoints, bench explain, bench map and some new shot values or rules train again.
    """
    form = output.chosen_form(form, json=json)
    from fewshot_bench import room

    removed = room.clean(out, dry_run=dry_run)

    def blocks(frame: pd.DataFrame) -> Iterator[Block]:
        return _cleaned_blocks(frame, out, dry_run=dry_run)

    output.show(removed, form, blocks)


def _cleaned_blocks(frame: pd.DataFrame, out: Path, *, dry_run: bool) -> Iterator[Block]:
    from fewshot_bench.cli.blocks import Line
    from fewshot_bench.data.cache_files import size_text

    verb = "would remove" if dry_run else "removed"
    for kind, files, size in frame.to_numpy():
        yield Line(f"{out}: {verb} {kind}: {files}, {size_text(size)}", wraps=False)
    remedy = "; bench clean does it" if dry_run else ""
    total = size_text(frame["bytes"].sum())
    yield Line(f"{out}: {verb} {total}{remedy}", wraps=False)
