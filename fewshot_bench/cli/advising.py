"""The command that recommends a method for a new class."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import Option, examples, takes
from fewshot_bench.cli.options import (
    FORMAT,
    JSON,
    OUT,
    PLUGIN,
    QUIET,
)
from fewshot_bench.cli.output import Form
from fewshot_bench.cli.request_options import DATA_OPTIONS, REQUEST_OPTIONS

if TYPE_CHECKING:
    from fewshot_bench.request import Request

__all__ = ["app"]

app = typer.Typer()

# what the question itself settles, such as test classes, ways and rules, is not an option
FLAGS = (
    "--data",
    "--shots",
    "--episodes",
    "--near-duplicates",
    "--baselines",
    "--views",
    "--preset",
    "--encoder",
    "--weights",
    "--image-size",
    "--budget",
    "--set",
    "--device",
    "--threads",
)
# what a recommendation asks where nothing is said
DEFAULTS = {
    "--episodes": "Episodes of each split and shot value.  [default: 500]",
    "--baselines": "Names of baselines, also as frozen+whitened.  [default: frozen]",
}


def _advice_option(option: Option) -> Option:
    """The option with the default that it has here."""
    text = DEFAULTS.get(option.flag, option.help)
    return dataclasses.replace(option, help=text)


ADVICE_OPTIONS = (
    *DATA_OPTIONS,
    *(_advice_option(option) for option in REQUEST_OPTIONS if option.flag in FLAGS),
)
MINUTES = Option(
    "--minutes",
    "Time for as many splits of the classes as fit.",
    float,
    5.0,
)
TRAIN = Option("--train", "Ask the standard methods that train too.", bool, default=False)


@app.command(
    epilog=examples(
        "bench recommend --data my_images/",
        "bench recommend --data my_images/ --minutes 30 --train --out runs/line3",
        "bench recommend --data my_images/ --views 8",
    )
)
@takes(MINUTES, TRAIN, OUT, PLUGIN, QUIET, FORMAT, JSON, request=ADVICE_OPTIONS)
def recommend(
    request: Request,
    minutes: float,
    train: bool,
    out: Path,
    plugins: list[Path],
    quiet: bool,
    form: Form,
    json: bool,
) -> None:
    """Say which method to use for a new class, by leaving your known classes out in turn."""
    form = output.chosen_form(form, json=json)
    console = output.console(err=form != "table", quiet=quiet)
    with output.starting(console, "bench recommend"):
        from fewshot_bench import new_class
        from fewshot_bench.cli.progress import watch_on
    watch = watch_on(console)
    with watch, output.prints_to_stderr(form):
        made = new_class.recommend(
            out=out,
            minutes=minutes,
            train=train,
            request=request,
            plugins=plugins,
            notify=watch,
        )
    from fewshot_bench.cli import advice_table

    if form == "table" and not quiet:
        advice_table.show_recommendation(output.console(), made)
    elif form != "table":
        output.show(made.table, form, advice_table.method_blocks)
