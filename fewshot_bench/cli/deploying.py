"""Commands that put a method to work."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import (
    EXPORTED,
    KNOWN,
    METHOD,
    NEW,
    PICTURES,
    PLUGIN,
    PREDICTIONS,
    QUIET,
    RECOMMENDATION,
    SHEET,
)
from fewshot_bench.cli.request_options import REFERENCES_OPTIONS

if TYPE_CHECKING:
    from rich.console import Console

    from fewshot_bench.deploy.decide import Prediction
    from fewshot_bench.request import Request

__all__ = ["app"]

app = typer.Typer()

MOST_NAMED = 5  # pictures to look at first, on the terminal


@app.command(
    epilog=examples(
        "bench predict --known known/ --new new/ pictures/ --out predictions.csv",
        "bench predict --known known.zip --new new/ a.jpg b.jpg --sheet sheet.html",
        "bench predict --known known/ --new new/ pictures/ --recommendation results/",
    )
)
@takes(
    PICTURES,
    KNOWN,
    NEW,
    METHOD,
    RECOMMENDATION,
    PREDICTIONS,
    SHEET,
    PLUGIN,
    QUIET,
    request=REFERENCES_OPTIONS,
)
def predict(
    request: Request,
    pictures: list[Path],
    known: Path | None,
    new: Path | None,
    method: str | None,
    recommendation: Path | None,
    out: Path | None,
    sheet: Path | None,
    plugins: list[Path],
    quiet: bool,
) -> None:
    """Decide which known or new class unlabelled pictures are of, and which to look at first."""
    from fewshot_bench import new_class
    from fewshot_bench.cli.progress import watch_on
    from fewshot_bench.report import predictions

    if out is not None:
        predictions.check_table(out)
    if sheet is not None:
        predictions.check_sheet(sheet)
    # standard output is for the table where it is not written to a file
    console = output.console(err=out is None, quiet=quiet)
    with watch_on(console, None) as watch:
        made = new_class.predict(
            pictures,
            known,
            new,
            method=method,
            recommendation=recommendation,
            request=request,
            plugins=plugins,
            notify=watch,
        )
    files = []
    if out is None:
        output.show_csv(made.table)
        sys.stdout.flush()
    else:
        files += predictions.write_predictions(made, out)
    if sheet is not None:
        files.append(predictions.write_sheet(made, sheet))
    _show_summary(console, made)
    if files:
        output.show_written(console, files)


@app.command(
    epilog=examples("bench export classifier/ --known known/ --new new/"),
)
@takes(EXPORTED, KNOWN, NEW, METHOD, RECOMMENDATION, PLUGIN, QUIET, request=REFERENCES_OPTIONS)
def export(
    request: Request,
    folder: Path,
    known: Path | None,
    new: Path | None,
    method: str | None,
    recommendation: Path | None,
    plugins: list[Path],
    quiet: bool,
) -> None:
    """Write what bench predict decides by to a folder that runs without this package."""
    from fewshot_bench import new_class
    from fewshot_bench.cli.progress import watch_on

    with watch_on(output.console(quiet=quiet), None) as watch:
        files = new_class.export(
            folder,
            known,
            new,
            method=method,
            recommendation=recommendation,
            request=request,
            plugins=plugins,
            notify=watch,
        )
    output.show_paths(files)


def _show_summary(console: Console, made: Prediction) -> None:
    """Print how many pictures each class got, the notes, and which pictures to look at first."""
    from rich.table import Table

    from fewshot_bench.cli.blocks import print_line

    table = Table("class", "pictures", "mean score", "unknown")
    for row in made.counts.itertuples(index=False):
        mean = "" if row.pictures == 0 else f"{row.score:.2f}"
        table.add_row(str(row.name), str(row.pictures), mean, str(row.unknown))
    console.print(table)
    ordered = made.table.sort_values("look_first")["picture"]
    first = ", ".join(ordered[:MOST_NAMED])
    print_line(console, f"look first at: {first}", wrap=False)
    print_line(console, made.trust, wrap=False)
    for note in made.notes:
        print_line(console, f"note: {note}", wrap=False)
