"""Commands that read what runs left in a folder of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fewshot_bench.cli import output as terminal
from fewshot_bench.cli.options import Baselines, Margin, Out, fraction, numbers, words
from fewshot_bench.cli.output import Form, Json

__all__ = ["app"]

app = typer.Typer()
Reference = Annotated[str, typer.Option(help="The baseline that the others are held against.")]
MaybeReference = Annotated[
    str | None, typer.Option(help="Hold the others against this baseline too.")
]


@app.command(
    epilog="Examples: bench leaderboard | bench leaderboard --out runs/neu | bench leaderboard --json"
)
def leaderboard(out: Out = Path("results"), form: Form = "table", json: Json = False) -> None:
    """Rebuild the leaderboard CSVs from the records, and show the table."""
    form = terminal.form(form, json)
    from fewshot_bench import api
    from fewshot_bench.cli import tables as board

    table, files = api.rebuild(out)
    terminal.show(table, form, board.show_leaderboard)
    if form == "table":
        board.show_written(terminal.console(), files)


@app.command(
    epilog="Examples: bench compare --reference resnet | bench compare --out runs/neu --margin 1 --format md"
)
def compare(
    reference: Reference,
    margin: Margin = 0.5,
    form: Form = "table",
    json: Json = False,
    out: Out = Path("results"),
) -> None:
    """Show paired differences to one baseline with interval, p and verdict."""
    form, points = terminal.form(form, json), fraction(margin)
    from fewshot_bench import api
    from fewshot_bench.cli import tables as board

    terminal.show(api.compare(out, reference, points), form, board.show_comparison)


@app.command(
    epilog="Examples: bench show | bench show --baselines scl_amp,resnet --shots 5 | bench show --format csv"
)
def show(
    baselines: Baselines = None,
    shots: Annotated[
        str | None, typer.Option(help="Shot values.  [default: all there are]")
    ] = None,
    form: Form = "table",
    json: Json = False,
    out: Out = Path("results"),
) -> None:
    """Show recall a class, and in few-shot protocols what each class was taken for."""
    form = terminal.form(form, json)
    names = None if baselines is None else words("--baselines", baselines)
    asked = None if shots is None else numbers("--shots", shots)
    from fewshot_bench import api
    from fewshot_bench.cli import tables as board

    terminal.show(api.confusion(out, names, asked), form, board.show_confusion)
    if form == "table":
        board.show_recalls(terminal.console(), api.recalls(out, names))


@app.command(
    epilog="Examples: bench plot | bench plot --reference resnet | bench plot --baselines scl_amp,resnet --out runs/neu"
)
def plot(
    baselines: Baselines = None,
    reference: MaybeReference = None,
    margin: Margin = 0.5,
    out: Out = Path("results"),
) -> None:
    """Draw accuracy, differences, recall, confusion, cost, episodes and losses as PNG and SVG."""
    names = None if baselines is None else words("--baselines", baselines)
    points = fraction(margin)
    from fewshot_bench.report import draw as pictures

    for path in pictures.plot(out, reference, points, names):
        typer.echo(path)


@app.command(epilog="Examples: bench report | bench report --reference resnet --out runs/neu")
def report(
    reference: MaybeReference = None,
    margin: Margin = 0.5,
    out: Out = Path("results"),
) -> None:
    """Write one HTML file with the leaderboard, verdicts, pictures, settings and commands; it needs no network."""
    points = fraction(margin)
    from fewshot_bench.report import page

    typer.echo(page.report(out, reference, points))
