"""The command that shows and clears the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import CLEAR, FORMAT, JSON, OLDER_THAN
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
    from fewshot_bench import api

    if clear:
        _show_cleared(*api.clear_cache(older_than or 0))
        return
    output.show(api.cache(), form, _content_blocks)


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
