"""Commands that ask: they load data, and train where there is something left to train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewshot_bench.cli import output as terminal
from fewshot_bench.cli.options import EPISODES, EVERY, Out, Plugins, asking
from fewshot_bench.cli.output import Form, Json

if TYPE_CHECKING:
    from fewshot_bench.cli.progress import Watch
    from fewshot_bench.report.draw import Drawn
    from fewshot_bench.request import Request

__all__ = ["app"]

app = typer.Typer()
Reference = Annotated[str | None, typer.Option(help="Show differences to this baseline too.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell errors alone.")]


def _watch(*, quiet: bool, err: bool) -> Watch:
    from fewshot_bench.cli.progress import Watch

    return Watch(terminal.console(err=err, quiet=quiet))


@app.command(
    epilog="Examples: bench run --ways 3 --shots 1,3,5 | bench run --dataset neu --data NEU-CLS.zip --queries all | "
    "bench run --protocol neu-small --data NEU-CLS.zip --baselines scl_amp,resnet | "
    "bench run --baselines scl_amp,protonet --seeds 3 --set scl_amp.margin=0.3"
)
@asking(*EVERY)
def run(
    asked: Request,
    reference: Reference = None,
    out: Out = Path("results"),
    plots: Annotated[bool, typer.Option("--plots", help="Draw the plots beside the CSVs.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what is on disk.")] = False,
    plugin: Plugins = None,
    quiet: Quiet = False,
    form: Form = "table",
    json: Json = False,
) -> None:
    """Train baselines, put the same episodes to each, and write the leaderboard."""
    form = terminal.form(form, json)
    from fewshot_bench import api
    from fewshot_bench.cli import tables as board
    from fewshot_bench.report import draw as pictures

    if plots:
        pictures.can_plot("--plots")
    with _watch(quiet=quiet, err=form != "table") as watch:
        try:
            with terminal.rows_alone(form):
                outcome = api.run(
                    asked, out, fresh=fresh, reference=reference, plugins=plugin or [], notify=watch
                )
        except KeyboardInterrupt:
            typer.echo(f"done: {', '.join(watch.done) or 'nothing'}", err=True)
            raise
    told = form == "table" and not quiet
    if form != "table":
        terminal.show(outcome.table, form, board.show_leaderboard)
    elif told:
        board.show_outcome(terminal.console(), outcome)
    if plots and not outcome.table["accuracy"].isna().all():
        _written(pictures.plot(out, reference), told=told)
    if outcome.failed:
        if not told:
            board.show_failed(
                terminal.console(err=True), (record.told for record in outcome.failed)
            )
        raise typer.Exit(1)


@app.command(
    "list", epilog="Examples: bench list | bench list --plugin my_method.py | bench list --csv"
)
def list_(
    plugin: Plugins = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, with the settings of each.")] = False,
) -> None:
    """Show every baseline and data set with its source, and why one is broken."""
    if csv:
        from fewshot_bench import api
        from fewshot_bench.leaderboard import tables

        typer.echo(tables.text(api.listing(plugin or [])), nl=False)
        return
    from fewshot_bench.cli import tables as board
    from fewshot_bench.registry.catalogue import listed_plugins
    from fewshot_bench.registry.registry import Registry

    board.show_plugins(terminal.console(), listed_plugins(Registry(plugin or [])))


@app.command(
    epilog="Examples: bench check my_method.py | bench check protonet siamese | bench check all --format csv"
)
def check(
    methods: Annotated[
        list[str],
        typer.Argument(help="Python files that define a baseline, names of baselines, or all."),
    ],
    form: Form = "table",
    json: Json = False,
) -> None:
    """Hold baselines against the contract, on pictures made for it; exit status 1 where one breaks it."""
    form = terminal.form(form, json)
    from fewshot_bench import api
    from fewshot_bench.cli import tables as board

    with terminal.rows_alone(form):
        found = api.check(methods, notify=lambda name: typer.echo(f"{name} ...", err=True))
    terminal.show(found, form, board.show_findings)
    if (found["status"] == "broken").any():
        raise typer.Exit(1)


@app.command(
    epilog="Examples: bench episodes neu.npz --dataset neu --data NEU-CLS.zip --shots 1,5 | "
    "bench run --dataset neu --data NEU-CLS.zip --episodes-file neu.npz"
)
@asking(*EPISODES)
def episodes(
    asked: Request,
    file: Annotated[Path, typer.Argument(help="The .npz to write.")],
    plugin: Plugins = None,
) -> None:
    """Write the episodes of a protocol to a file: indices, class names and digests."""
    from fewshot_bench import api

    typer.echo(api.episodes(asked, file, plugins=plugin or []).to_string(index=False))
    typer.echo(f"Written: {file}")


@app.command(
    epilog="Examples: bench explain --dataset neu --data NEU-DET.zip --baselines scl_amp,resnet --shots 5 | "
    "bench explain --baselines protonet --shots 1 --images 9 --stage 2"
)
@asking(*EVERY)
def explain(
    asked: Request,
    images: Annotated[int, typer.Option(help="Test images to draw.")] = 6,
    stage: Annotated[int, typer.Option(help="Convolutional stage, counted from the last.")] = 1,
    reference: Reference = None,
    out: Out = Path("results"),
    plugin: Plugins = None,
    quiet: Quiet = False,
    form: Form = "table",
    json: Json = False,
) -> None:
    """Draw what encoders look at (Grad-CAM); where defects are boxed, how much of it lies in the boxes.

    Takes the options of bench run, and trains what has not been trained yet.
    """
    form = terminal.form(form, json)
    from fewshot_bench.cli import tables as board
    from fewshot_bench.report import draw as pictures

    with _watch(quiet=quiet, err=form != "table") as watch, terminal.rows_alone(form):
        found = pictures.explain(
            asked,
            out,
            images=images,
            stage=stage,
            reference=reference,
            plugins=plugin or [],
            notify=watch,
        )
    if form != "table" or not quiet:
        terminal.show(found.table, form, board.show_pointing)
    _drawn(found, told=form == "table" and not quiet)


@app.command(
    "map",
    epilog="Examples: bench map --dataset neu --data NEU-CLS.zip --baselines scl_amp,resnet | bench map --method tsne",
)
@asking(*EVERY)
def map_(
    asked: Request,
    method: Annotated[str, typer.Option(help="pca, tsne or umap.")] = "pca",
    out: Out = Path("results"),
    plugin: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Draw the test images' features in two dimensions, a panel a baseline.

    Takes the options of bench run, and trains what has not been trained yet.
    """
    from fewshot_bench.report import draw as pictures

    with _watch(quiet=quiet, err=False) as watch:
        found = pictures.map_features(asked, out, method=method, plugins=plugin or [], notify=watch)
    _drawn(found, told=not quiet)


@app.command(
    epilog="Examples: bench data NEU-DET.zip | bench data my_images/ | bench data --dataset steel-sim --show"
)
@asking("dataset")
def data(
    asked: Request,
    path: Annotated[Path | None, typer.Argument(help="The folder or zip.")] = None,
    drawn: Annotated[bool, typer.Option("--show", help="Draw some images of each class.")] = False,
    out: Out = Path("results"),
    plugin: Plugins = None,
) -> None:
    """Tell what a data set holds and what is wrong with it."""
    import dataclasses

    from fewshot_bench import api
    from fewshot_bench.cli import tables as board
    from fewshot_bench.report import draw as pictures

    found = api.data(dataclasses.replace(asked, data=path), plugins=plugin or [])
    board.show_data(terminal.console(), found)
    if drawn:
        _written(pictures.samples(found, out), told=True)


def _drawn(found: Drawn, *, told: bool) -> None:
    """Tell the files, and what failed; exit status 1 where something did."""
    from fewshot_bench.cli import tables as board

    _written(found.files, told=told)
    if found.failed:
        board.show_failed(terminal.console(err=True), found.failed)
        raise typer.Exit(1)


def _written(files: list[Path], *, told: bool) -> None:
    for path in files if told else ():
        typer.echo(path)
