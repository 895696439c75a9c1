"""The `bench` command: options are parsed here, the work is done elsewhere and imported on call."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewshot_bench.errors import UserError
from fewshot_bench.options import (
    Count,
    Data,
    Dataset,
    Form,
    Out,
    Plugins,
    Queries,
    Seed,
    Shots,
    Test,
    Train,
    Ways,
    numbers,
    request,
    words,
)  # fmt: skip

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

__all__ = ["app", "main"]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Which method recognises held-out defect classes from k examples, and is it really better?",
)
Margin = Annotated[float, typer.Option(help="Points within which a difference counts as equivalent.")]
FORMS = ("table", "csv", "md", "json")


@app.command(
    epilog="Examples: bench run --ways 3 --shots 1,3,5 | bench run --dataset neu --data NEU-CLS.zip --queries all | "
    "bench run --protocol neu-small --data NEU-CLS.zip --baselines scl_amp,resnet | "
    "bench run --baselines scl_amp,protonet --seeds 3 --set scl_amp.margin=0.3"
)
def run(
    dataset: Dataset = None,
    data: Data = None,
    train_classes: Train = None,
    test_classes: Test = None,
    ways: Ways = None,
    shots: Shots = None,
    queries: Queries = None,
    episodes: Count = None,
    episode_seed: Seed = None,
    protocol: Annotated[str | None, typer.Option(help="A named protocol, e.g. neu-small; bench list shows them.")] = None,
    train_per_class: Annotated[
        str | None, typer.Option(help="Classification: train images a class, e.g. 10,20,50.")
    ] = None,
    train_fraction: Annotated[str | None, typer.Option(help="Classification: share to train on, e.g. 0.8,0.7,0.6.")] = None,
    runs: Annotated[str | None, typer.Option(help="Classification: splits drawn and trained on.  [default: 10]")] = None,
    test_images: Annotated[str | None, typer.Option(help="Classification: a number, a share, or all the rest.")] = None,
    episodes_file: Annotated[Path | None, typer.Option(help="Replay the episodes that bench episodes wrote.")] = None,
    splits: Annotated[str | None, typer.Option(help="all: every choice of as many held-out classes.")] = None,
    baselines: Annotated[str | None, typer.Option(help="Names, or all.  [default: the standard ones]")] = None,
    preset: Annotated[str, typer.Option(help="quick or paper.")] = "quick",
    encoder: Annotated[str | None, typer.Option(help="A torchvision classifier, e.g. resnet50, or timm:NAME.")] = None,
    weights: Annotated[str | None, typer.Option(help="none, DEFAULT, or published ones, e.g. IMAGENET1K_V2.")] = None,
    image_size: Annotated[str | None, typer.Option(help="Pixels a side of what enters the encoder.")] = None,
    freeze: Annotated[bool | None, typer.Option("--freeze", help="Train what stands beside the encoder alone.")] = None,
    budget: Annotated[str | None, typer.Option(help="Images passed through the encoder in training.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, e.g. scl_amp.margin=0.3; repeat for more.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Trainings of each baseline.  [default: 1]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    reference: Annotated[str | None, typer.Option(help="Show differences to this baseline too.")] = None,
    out: Out = Path("results"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what is on disk.")] = False,
    plugin: Plugins = None,
) -> None:
    """Train baselines, put the same episodes to each, and write the leaderboard."""
    asked = request(
        settings, dataset=dataset, data=data, protocol=protocol, train_classes=train_classes, test_classes=test_classes,
        ways=ways, shots=shots, queries=queries, episodes=episodes, episode_seed=episode_seed, episodes_file=episodes_file,
        splits=splits, train_per_class=train_per_class, train_fraction=train_fraction, runs=runs, test_images=test_images,
        baselines=baselines, preset=preset, encoder=encoder, weights=weights, image_size=image_size, freeze=freeze,
        budget=budget, seeds=seeds, device=device,
    )  # fmt: skip
    from fewshot_bench import api, report

    console = _console()
    with report.Watch(console) as watch:
        try:
            outcome = api.run(asked, out, fresh=fresh, reference=reference, plugins=plugin or [], notify=watch)
        except KeyboardInterrupt:
            typer.echo(f"done: {', '.join(watch.done) or 'nothing'}", err=True)
            raise
    report.show_outcome(console, outcome)
    if outcome.failed:
        raise typer.Exit(1)


@app.command("list", epilog="Examples: bench list | bench list --plugin my_method.py | bench list --csv")
def list_(
    plugin: Plugins = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, with the settings of each.")] = False,
) -> None:
    """Show every baseline and data set with its source, and why one is broken."""
    if csv:
        from fewshot_bench import api, tables

        typer.echo(tables.text(api.listing(plugin or [])), nl=False)
        return
    from fewshot_bench import catalogue
    from fewshot_bench.registry import Registry

    catalogue.show(_console(), catalogue.described(Registry(plugin or [])))


@app.command(epilog="Examples: bench check my_method.py | bench check protonet siamese | bench check all --format csv")
def check(
    methods: Annotated[list[str], typer.Argument(help="Python files that define a baseline, names of baselines, or all.")],
    form: Form = "table",
) -> None:
    """Hold baselines against the contract, on pictures made for it; exit status 1 where one breaks it."""
    _allowed(form)
    from fewshot_bench import api, report

    found = api.check(methods, notify=lambda name: typer.echo(f"{name} ...", err=True))
    _show(found, form, report.show_findings)
    if (found["status"] == "broken").any():
        raise typer.Exit(1)


@app.command(
    epilog="Examples: bench episodes neu.npz --dataset neu --data NEU-CLS.zip --shots 1,5 | "
    "bench run --dataset neu --data NEU-CLS.zip --episodes-file neu.npz"
)
def episodes(
    file: Annotated[Path, typer.Argument(help="The .npz to write.")],
    dataset: Dataset = None,
    data: Data = None,
    train_classes: Train = None,
    test_classes: Test = None,
    ways: Ways = None,
    shots: Shots = None,
    queries: Queries = None,
    episodes: Count = None,
    episode_seed: Seed = None,
    plugin: Plugins = None,
) -> None:
    """Write the episodes of a protocol to a file: indices, class names and digests."""
    asked = request(
        dataset=dataset, data=data, train_classes=train_classes, test_classes=test_classes, ways=ways, shots=shots,
        queries=queries, episodes=episodes, episode_seed=episode_seed,
    )  # fmt: skip
    from fewshot_bench import api

    typer.echo(api.episodes(asked, file, plugins=plugin or []).to_string(index=False))
    typer.echo(f"Written: {file}")


@app.command(epilog="Examples: bench leaderboard | bench leaderboard --out runs/neu")
def leaderboard(out: Out = Path("results")) -> None:
    """Rebuild the leaderboard CSVs from the records, and show the table."""
    from fewshot_bench import api, report

    console = _console()
    table, files = api.leaderboard(out)
    report.show_leaderboard(console, table)
    console.print("Written: " + ", ".join(map(str, files)), highlight=False, markup=False, soft_wrap=True)


@app.command(epilog="Examples: bench compare --reference resnet | bench compare --out runs/neu --margin 1 --format md")
def compare(
    reference: Annotated[str, typer.Option(help="The baseline that the others are held against.")],
    margin: Margin = 0.5,
    form: Form = "table",
    out: Out = Path("results"),
) -> None:
    """Show paired differences to one baseline with interval, p and verdict."""
    _allowed(form)
    fraction = _fraction(margin)
    from fewshot_bench import api, report

    _show(api.compare(out, reference, fraction), form, report.show_comparison)


@app.command(epilog="Examples: bench show | bench show --baselines scl_amp,resnet --shots 5 | bench show --format csv")
def show(
    baselines: Annotated[str | None, typer.Option(help="Names.  [default: all there are]")] = None,
    shots: Annotated[str | None, typer.Option(help="Shot values.  [default: all there are]")] = None,
    form: Form = "table",
    out: Out = Path("results"),
) -> None:
    """Show recall a class, and in few-shot protocols what each class was taken for."""
    _allowed(form)
    names = None if baselines is None else words("--baselines", baselines)
    asked = None if shots is None else numbers("--shots", shots)
    from fewshot_bench import api, report

    _show(api.confusion(out, names, asked), form, report.show_confusion)
    if form == "table":
        report.show_recalls(_console(), api.recalls(out, names))


@app.command(
    epilog="Examples: bench plot | bench plot --reference resnet | bench plot --baselines scl_amp,resnet --out runs/neu"
)
def plot(
    baselines: Annotated[str | None, typer.Option(help="Names.  [default: all there are]")] = None,
    reference: Annotated[str | None, typer.Option(help="Draw the differences to this baseline too.")] = None,
    margin: Margin = 0.5,
    out: Out = Path("results"),
) -> None:
    """Draw accuracy, differences, recall, confusion, cost, episodes and losses as PNG and SVG."""
    names = None if baselines is None else words("--baselines", baselines)
    fraction = _fraction(margin)
    from fewshot_bench import api

    for path in api.plot(out, reference, fraction, names):
        typer.echo(path)


@app.command(epilog="Examples: bench data NEU-DET.zip | bench data my_images/ | bench data --dataset steel-sim")
def data(
    path: Annotated[Path | None, typer.Argument(help="The folder or zip.")] = None,
    dataset: Dataset = None,
    plugin: Plugins = None,
) -> None:
    """Tell what a data set holds and what is wrong with it."""
    asked = request(dataset=dataset, data=path)
    from fewshot_bench import api, report

    report.show_data(_console(), api.data(asked, plugins=plugin or []))


def _show(frame: pd.DataFrame, form: str, as_table: Callable[[Console, pd.DataFrame], None]) -> None:
    """A frame to standard output: as a table for eyes, or as csv, md or json."""
    if form == "table":
        as_table(_console(), frame)
    elif form == "csv":
        from fewshot_bench import tables

        typer.echo(tables.text(frame), nl=False)
    elif form == "json":
        typer.echo(frame.to_json(orient="records", indent=1))
    else:
        rows = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in frame.to_numpy()]
        for cells in (list(frame.columns), ["---"] * len(frame.columns), *rows):
            typer.echo(f"| {' | '.join(cells)} |")


def _fraction(margin: float) -> float:
    if not 0 < margin < 100:
        raise UserError(f"--margin {margin} is out of bounds (allowed: more than 0, less than 100 points)")
    return margin / 100


def _allowed(form: str) -> None:
    if form not in FORMS:
        raise UserError(f"--format {form!r} is unknown (allowed: {', '.join(FORMS)})")


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120, markup=False, emoji=False)  # class names may hold [ and :


INTERRUPTED = 130  # what typer makes of Ctrl-C
OBJECTS = 100_000  # made before garbage is looked for: imports make many and leave none
STOPPED = "stopped; what is done is kept, and the same command, without --fresh, goes on from there"


def _leave() -> None:
    """Spare the way out the search through a million objects, which takes longer than showing a finished run.

    Where an encoder was made triton is there, which complains of what is not cleared away.
    """
    if "triton" not in sys.modules:
        gc.freeze()


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 2."""
    gc.set_threshold(OBJECTS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as schedulers stop a job: like Ctrl-C
    atexit.register(_leave)
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        message, status = str(error), 2
    except typer.TyperException as error:  # an unknown option, a missing argument
        message, status = f"{getattr(error, 'message', error)}; bench --help shows what there is", 2
    except OSError as error:  # a full disk, a folder that must not be entered, a name too long
        message, status = f"{error.filename or 'a file'} cannot be read or written ({error.strerror})", 2
    else:
        message = STOPPED if status == INTERRUPTED else ""
    if message:
        typer.echo(message if status == INTERRUPTED else f"error: {message}", err=True)
    sys.exit(status or 0)
