"""Commands that read a folder of results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import (
    FORMAT,
    HARDEST,
    JSON,
    MARGIN,
    OUT,
    PLOT_FORMATS,
    PLUGIN,
    REFERENCE,
    REQUIRED_REFERENCE,
    SHOWN_BASELINES,
    SHOWN_SHOTS,
)
from fewshot_bench.cli.output import Form
from fewshot_bench.cli.request_options import AT_HAND_OPTIONS
from fewshot_bench.errors import UserError

if TYPE_CHECKING:
    from fewshot_bench.request import Request

__all__ = ["app"]

app = typer.Typer()


@app.command(
    epilog=examples(
        "bench leaderboard",
        "bench leaderboard --out runs/neu",
        "bench leaderboard --json",
    )
)
@takes(OUT, FORMAT, JSON)
def leaderboard(out: Path, form: Form, json: bool) -> None:
    """Rebuild the leaderboard CSV files from the records, and show the table."""
    form = output.chosen_form(form, json=json)
    from fewshot_bench import api
    from fewshot_bench.cli import tables

    with output.watching():
        table, files = api.rebuild(out)
    output.show(table, form, tables.leaderboard_blocks)
    if form == "table":
        output.show_written(output.console(), files)


@app.command(
    epilog=examples(
        "bench compare --reference resnet",
        "bench compare --reference resnet --out runs/neu --margin 1 --format md",
    )
)
@takes(REQUIRED_REFERENCE, MARGIN, FORMAT, JSON, OUT)
def compare(reference: str, margin: float, form: Form, json: bool, out: Path) -> None:
    """Show paired differences to one baseline with interval, p value and verdict."""
    form = output.chosen_form(form, json=json)
    from fewshot_bench import api
    from fewshot_bench.cli import comparison_table

    with output.watching():
        differences = api.compare(out, reference, margin)
    output.show(differences, form, comparison_table.comparison_blocks)


@app.command(
    epilog=examples(
        "bench show",
        "bench show --baselines scl_amp,resnet --shots 5",
        "bench show --format csv",
        "bench show --hardest 24 --data NEU-CLS.zip",
    )
)
@takes(*(SHOWN_BASELINES, SHOWN_SHOTS, HARDEST, FORMAT, JSON, OUT, PLUGIN), request=AT_HAND_OPTIONS)
def show(
    request: Request,
    baselines: list[str] | None,
    shots: list[int] | None,
    hardest: int | None,
    form: Form,
    json: bool,
    out: Path,
    plugins: list[Path],
) -> None:
    """Show the recall of each class, and in few-shot protocols what each class was taken for.

    With --hardest the test pictures that were most often wrong: label errors are among them.
    """
    form = output.chosen_form(form, json=json)
    from fewshot_bench import api
    from fewshot_bench.cli import detail_tables
    from fewshot_bench.cli.blocks import print_line

    if hardest is not None:
        from fewshot_bench.report import hard_pictures

        found = hard_pictures.hardest(
            out, hardest, baselines=baselines, shots=shots, request=request, plugins=plugins
        )
        output.show(found.table, form, detail_tables.hardest_blocks)
        console = output.console(err=form != "table")
        for note in found.notes:
            print_line(console, f"Note: {note}.")
        output.show_written(console, found.files)
        return
    _refuse_data_options(request, plugins)
    with output.watching():
        confusion = api.confusion(out, baselines, shots)
    output.show(confusion, form, detail_tables.confusion_blocks)
    if form not in ("csv", "json"):
        recalls = api.recalls(out, baselines)
        output.show(recalls, form, detail_tables.recall_blocks)


def _refuse_data_options(request: Request, plugins: list[Path]) -> None:
    """Raise `UserError` for an option that only --hardest reads."""
    given = []
    for option in AT_HAND_OPTIONS:
        value = getattr(request, option.name)
        if value:
            given.append(f"{option.flag} {value}")
    if plugins:
        given.append(PLUGIN.flag)
    if given:
        raise UserError(f"{given[0]} is for bench show --hardest N; add that, or leave it out")


@app.command(
    epilog=examples(
        "bench plot",
        "bench plot --reference resnet",
        "bench plot --baselines scl_amp,resnet --out runs/neu --format pdf",
    )
)
@takes(SHOWN_BASELINES, REFERENCE, MARGIN, PLOT_FORMATS, OUT)
def plot(
    baselines: list[str] | None,
    reference: str | None,
    margin: float,
    formats: list[str],
    out: Path,
) -> None:
    """Draw ranks, accuracy, differences, recall, confusion, cost, episodes and losses."""
    from fewshot_bench.report import draw

    with output.watching():
        files = draw.plot(out, reference, margin, baselines, formats)
    output.show_paths(files)


@app.command(
    epilog=examples(
        "bench report",
        "bench report --reference resnet --out runs/neu",
        "bench report --data NEU-CLS.zip",
    ),
)
@takes(REFERENCE, MARGIN, OUT, PLUGIN, request=AT_HAND_OPTIONS)
def report(
    request: Request, reference: str | None, margin: float, out: Path, plugins: list[Path]
) -> None:
    """Write an HTML file that needs no network: the answer, the table, verdicts and pictures.

    With the data at hand it shows the hardest test pictures of each method too.
    """
    from fewshot_bench.report import page

    with output.watching():
        written = page.report(out, reference, margin, request=request, plugins=plugins)
    output.show_paths([written])
