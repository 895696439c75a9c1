"""Commands that load data, and train what has not been trained yet."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fewshot_bench.cli import output
from fewshot_bench.cli.config import config_option, keep_config
from fewshot_bench.cli.option import examples, takes
from fewshot_bench.cli.options import (
    ENGINE,
    EPISODES_TO_WRITE,
    FORMAT,
    FRESH,
    GPUS_PER_JOB,
    IMAGES,
    JOBS,
    JSON,
    KEEP_CHECKPOINTS,
    MAP_METHOD,
    METHODS,
    OUT,
    PATH_OF_DATA,
    PLOTS,
    PLUGIN,
    QUIET,
    REFERENCE,
    SAMPLES,
    SCHEDULER,
    STAGE,
    TRACKERS,
)
from fewshot_bench.cli.output import Form
from fewshot_bench.cli.request_options import DATA, DATA_OPTIONS, EPISODE_OPTIONS, REQUEST_OPTIONS
from fewshot_bench.jobs.options import JobOptions

if TYPE_CHECKING:
    from fewshot_bench.api import Outcome
    from fewshot_bench.cli.progress import Watch
    from fewshot_bench.engine.progress import Progress
    from fewshot_bench.report.draw import Drawn
    from fewshot_bench.request import Request

__all__ = ["app"]

app = typer.Typer()

# of bench run, beside those of a request
OWN_OPTIONS = (
    *(JOBS, GPUS_PER_JOB, ENGINE, SCHEDULER),
    *(REFERENCE, OUT, PLOTS, FRESH, KEEP_CHECKPOINTS, PLUGIN, TRACKERS, QUIET, FORMAT, JSON),
)
RUN_OPTIONS = (*OWN_OPTIONS, *REQUEST_OPTIONS)
CONFIG = config_option(RUN_OPTIONS)


@app.command(
    epilog=examples(
        "bench run --ways 3 --shots 1,3,5",
        "bench run --dataset neu --data NEU-CLS.zip --queries all",
        "bench run --protocol neu-small --data NEU-CLS.zip --baselines scl_amp,resnet",
        "bench run --baselines scl_amp,protonet --seeds 3 --set scl_amp.margin=0.3",
        "bench run --jobs auto",
    )
)
@takes(CONFIG, *OWN_OPTIONS, request=REQUEST_OPTIONS)
def run(
    request: Request,
    config: Path | None,  # noqa: ARG001  read before the others, which it gives their values
    jobs: int | str | None,
    gpus_per_job: float | None,
    engine: str | None,
    scheduler: str | None,
    reference: str | None,
    out: Path,
    plots: bool,
    fresh: bool,
    keep_checkpoints: str,
    plugins: list[Path],
    trackers: list[str] | None,
    quiet: bool,
    form: Form,
    json: bool,
    written: Mapping[str, Any],
) -> None:
    """Train baselines, give all of them the same episodes, and write the leaderboard."""
    form = output.chosen_form(form, json=json)
    with output.starting(output.console(err=form != "table", quiet=quiet), "bench run"):
        from fewshot_bench import api
        from fewshot_bench.report import draw

        watch = _watch(form, quiet=quiet, out=out)
    job_options = JobOptions(
        jobs=jobs, gpus_per_job=gpus_per_job, engine=engine, scheduler=scheduler
    )
    if plots:
        draw.can_plot("--plots")  # a missing library is told before hours of work

    kept: list[Path] = []

    def notify(step: Progress) -> None:
        if not kept:  # the run begins: its request can be run, and its folder written
            kept.append(keep_config(RUN_OPTIONS, written, out))
        watch(step)

    try:
        with watch, output.prints_to_stderr(form):
            outcome = api.run(
                request,
                out,
                fresh=fresh,
                keep_checkpoints=keep_checkpoints,
                reference=reference,
                plugins=plugins,
                jobs=job_options,
                trackers=trackers or (),
                notify=notify,
            )
    except KeyboardInterrupt as stop:  # main tells how to go on
        if isinstance(stop, api.Stopped):
            _show_outcome(stop.outcome, form, quiet=quiet)
        typer.echo(f"done: {watch.done_text}", err=True)
        raise
    _show_outcome(outcome, form, quiet=quiet)
    # where everything failed there is nothing to draw
    has_results = not outcome.table["accuracy"].isna().all()
    if plots and has_results:
        files = draw.plot(out, reference)
        if form == "table" and not quiet:
            output.show_paths(files)
    if form == "table" and not quiet:
        _show_next(outcome, out, kept[0])
    if outcome.failed:
        raise typer.Exit(1)


def _show_next(outcome: Outcome, out: Path, config: Path) -> None:
    """Print what to try next, and how to repeat the run."""
    of_folder = "" if out == OUT.default else f" --out {shlex.quote(str(out))}"
    best, *others = dict.fromkeys(outcome.table["baseline"])
    if outcome.failed:
        typer.echo("Next: the same command tries again what failed.")
    if others:
        reference = shlex.quote(best)
        typer.echo(
            f"Next: bench compare --reference {reference}{of_folder} (which leads are real?)"
        )
    typer.echo(f"Next: bench report{of_folder} (tables, figures and verdicts on one page)")
    typer.echo(f"Repeat this run: bench run --config {shlex.quote(str(config))}")


def _show_outcome(outcome: Outcome, form: Form, *, quiet: bool) -> None:
    """Print the table of a run; if it is quiet or for a program, failures on standard error."""
    from fewshot_bench.cli import tables

    if form == "table" and not quiet:
        tables.show_outcome(output.console(), outcome)
        return
    if form != "table":
        output.show(outcome.table, form, tables.leaderboard_blocks)
    failures = [record.message for record in outcome.failed]
    output.show_failed(output.console(err=True), failures)


@app.command(
    epilog=examples(
        "bench check my_method.py",
        "bench check protonet siamese",
        "bench check my_dataset.py --data my_images/",
        "bench check all --format csv",
    )
)
@takes(METHODS, DATA, FORMAT, JSON)
def check(methods: list[str], data: Path | None, form: Form, json: bool) -> None:
    """Check baselines, rules and data sets against the contract; exit status 1 if one breaks it."""
    form = output.chosen_form(form, json=json)
    with output.starting(output.console(err=True), "bench check"):
        from fewshot_bench import api
        from fewshot_bench.cli import lists
    with output.watching(), output.prints_to_stderr(form):
        findings = api.check(methods, data=data, notify=_show_checked)
    output.show(findings, form, lists.finding_blocks)
    if (findings["status"] == "broken").any():
        raise typer.Exit(1)


def _show_checked(baseline: str) -> None:
    typer.echo(f"{baseline} ...", err=True)


@app.command(
    epilog=examples(
        "bench episodes neu.npz --dataset neu --data NEU-CLS.zip --shots 1,5",
        "bench run --dataset neu --data NEU-CLS.zip --episodes-file neu.npz",
    )
)
@takes(EPISODES_TO_WRITE, PLUGIN, request=EPISODE_OPTIONS)
def episodes(request: Request, file: Path, plugins: list[Path]) -> None:
    """Write the episodes of a protocol to a file: indices, class names and digests."""
    from fewshot_bench import api

    with _watch("table", quiet=False):
        written = api.episodes(request, file, plugins=plugins)
    typer.echo(written.to_string(index=False))
    output.show_written(output.console(), [file])


@app.command(
    epilog=examples(
        "bench explain --dataset neu --data NEU-DET.zip --baselines scl_amp,resnet --shots 5",
        "bench explain --baselines protonet --shots 1 --images 9 --stage 2",
    )
)
@takes(IMAGES, STAGE, REFERENCE, OUT, PLUGIN, QUIET, FORMAT, JSON, request=REQUEST_OPTIONS)
def explain(
    request: Request,
    images: int,
    stage: int,
    reference: str | None,
    out: Path,
    plugins: list[Path],
    quiet: bool,
    form: Form,
    json: bool,
) -> None:
    """Draw what encoders look at (Grad-CAM), and measure how much of it lies in annotated boxes.

    Takes the options of bench run, and trains what has not been trained yet.
    """
    form = output.chosen_form(form, json=json)
    with output.starting(output.console(err=form != "table", quiet=quiet), "bench explain"):
        from fewshot_bench.cli import detail_tables
        from fewshot_bench.report import draw
    with _watch(form, quiet=quiet) as watch, output.prints_to_stderr(form):
        drawn = draw.explain(
            request,
            out,
            images=images,
            stage=stage,
            reference=reference,
            plugins=plugins,
            notify=watch,
        )
    if form != "table" or not quiet:
        output.show(drawn.table, form, detail_tables.pointing_blocks)
    _show_drawn(drawn, with_files=form == "table" and not quiet)


@app.command(
    "map",
    epilog=examples(
        "bench map --dataset neu --data NEU-CLS.zip --baselines scl_amp,resnet",
        "bench map --method tsne",
    ),
)
@takes(MAP_METHOD, OUT, PLUGIN, QUIET, request=REQUEST_OPTIONS)
def map_(request: Request, method: str, out: Path, plugins: list[Path], quiet: bool) -> None:
    """Draw the features of the test images in two dimensions, one panel per baseline.

    Takes the options of bench run, and trains what has not been trained yet.
    """
    with output.starting(output.console(quiet=quiet), "bench map"):
        from fewshot_bench.report import draw
    with _watch("table", quiet=quiet) as watch:
        drawn = draw.map_features(request, out, method=method, plugins=plugins, notify=watch)
    _show_drawn(drawn, with_files=not quiet)


@app.command(
    epilog=examples(
        "bench data NEU-DET.zip",
        "bench data my_images/",
        "bench data --dataset steel-sim --show",
        r"bench data my_images/ --group-by 'plate(\d+)'",
    )
)
@takes(PATH_OF_DATA, SAMPLES, OUT, PLUGIN, request=DATA_OPTIONS)
def data(request: Request, path: Path | None, show: bool, out: Path, plugins: list[Path]) -> None:
    """Show what a data set holds, and what is wrong with it."""
    from fewshot_bench import api
    from fewshot_bench.cli import lists
    from fewshot_bench.data.near_duplicates import near_duplicates
    from fewshot_bench.report import draw

    with _watch("table", quiet=False):
        images = api.data(dataclasses.replace(request, data=path), plugins=plugins)
        copies = near_duplicates(images)
    output.show_blocks(lists.data_blocks(images, copies), "table")
    if show:
        output.show_paths(draw.samples(images, out))


def _watch(form: Form, *, quiet: bool, out: Path | None = None) -> Watch:
    """Progress, on standard error if standard output is for a program to read.

    out: the folder of results whose accuracies are shown as they come; None: none are.
    """
    from fewshot_bench.cli.progress import watch_on
    from fewshot_bench.leaderboard.standings import Standings

    standings = None if out is None else Standings(out)
    return watch_on(output.console(err=form != "table", quiet=quiet), standings)


def _show_drawn(drawn: Drawn, *, with_files: bool) -> None:
    """Print the paths of the pictures, and what failed; exit status 1 if something did."""
    if with_files:
        output.show_paths(drawn.files)
    if drawn.failed:
        output.show_failed(output.console(err=True), drawn.failed)
        raise typer.Exit(1)
