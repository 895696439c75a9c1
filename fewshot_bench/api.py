"""What the command line and notebooks call: a request goes in, tables and files come out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine.parallel import execute_elsewhere
from fewshot_bench.engine.progress import OnProgress, Progress
from fewshot_bench.engine.schedule import execute
from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path
from fewshot_bench.jobs.options import JobOptions
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.compare import MARGIN, differences
from fewshot_bench.leaderboard.names import records_at, records_named, row_names
from fewshot_bench.leaderboard.recall import recalls as class_recalls
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.leaderboard.write import write_tables
from fewshot_bench.outcome import Outcome, check_reference, outcome_of
from fewshot_bench.planning.dataset_paths import path_in
from fewshot_bench.planning.engine_choice import chosen_workplace
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.planning.plan_in_folder import plan_in
from fewshot_bench.planning.resolve import resolve_data, resolve_episodes
from fewshot_bench.progress_line import shown
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.episode_files import write_episodes
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.leftovers import check_kept, drop_checkpoints
from fewshot_bench.records.record import Record
from fewshot_bench.registry.catalogue import listed_plugins
from fewshot_bench.registry.described import Described
from fewshot_bench.registry.described import described as described_in
from fewshot_bench.registry.examined import Examined, ExaminedData, examined
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request, requested
from fewshot_bench.request import data_folder as environment_data_folder
from fewshot_bench.tracking import Tracking

__all__ = [
    "Outcome",
    "Stopped",
    "check",
    "compare",
    "confusion",
    "data",
    "described",
    "episodes",
    "leaderboard",
    "listing",
    "rebuild",
    "recalls",
    "run",
]

CHECK_COLUMNS = ("baseline", "check", "status", "told")
PLUGIN_COLUMNS = ("kind", "name", "title", "source", "year", "about", "settings", "error")


class Stopped(KeyboardInterrupt):
    """A run was stopped by Ctrl-C. outcome: of the cells that are done; its files are written."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def run(
    request: Request | Path | str | None = None,
    out: Path | str = "results",
    *,
    fresh: bool = False,
    keep_checkpoints: str = "last",
    reference: str | None = None,
    plugins: Sequence[Path | str] = (),
    jobs: JobOptions | int = 1,
    trackers: Sequence[str] = (),
    progress: bool = True,
    notify: OnProgress | None = None,
    **options: Any,
) -> Outcome:
    """Run a request, keep its records in the folder `out`, and write the leaderboard there anew.

    request: a `Request`, the path of the data, or the name of a data set; options: fields of
    `Request`, on top of it: `run("my_images/", shots="1,5", test_classes="dent")`. Without either,
    the standard baselines run on simulated steel pictures.
    fresh: compute again what is on disk; keep_checkpoints: none, all, or last: of each method,
    those of its last run; reference: a baseline that the others are compared with;
    plugins: files that define more baselines or data sets; jobs: how many trainings run at once,
    or where they run; trackers: names of those that listen (docs/extend/tracker.md); progress: show
    a line on standard error; notify: called with each `Progress`, in the place of that line;
    `leaderboard.standings` makes accuracies of the records that come with it.

    Raises `UserError` for what cannot be run, and `Stopped`, a `KeyboardInterrupt`, if it is
    stopped after a cell is done. What fails while it runs is in `Outcome.failed`.
    """
    asked = requested(request, options)
    with shown(notify, progress=progress) as on_progress:
        return _run(
            asked, out, fresh, keep_checkpoints, reference, plugins, jobs, trackers, on_progress
        )


def _run(
    request: Request,
    out: Path | str,
    fresh: bool,
    keep_checkpoints: str,
    reference: str | None,
    plugins: Sequence[Path | str],
    jobs: JobOptions | int,
    trackers: Sequence[str],
    notify: OnProgress,
) -> Outcome:
    check_kept(keep_checkpoints)
    registry = Registry(plugins)
    options = jobs if isinstance(jobs, JobOptions) else JobOptions(jobs=jobs)
    workplace, request = chosen_workplace(options, request, registry)
    tracker_classes = {name: registry.tracker(name).load() for name in trackers}
    plan = make_plan(request, registry)
    results = ResultsFolder(out)
    if reference is not None:
        check_reference(reference, plan, results)
    plan = plan_in(results, plan, fresh=fresh)
    listening = {name: tracker(results.out) for name, tracker in tracker_classes.items()}
    tracking = Tracking(plan, results.out, listening)
    done: list[Record] = []

    def on_progress(progress: Progress) -> None:
        if progress.record is not None:
            done.append(progress.record)
        tracking(progress)
        notify(progress)

    try:
        if workplace is None:
            records = execute(plan, results, fresh=fresh, on_progress=on_progress)
        else:
            records = execute_elsewhere(
                plan,
                results,
                workplace,
                request,
                [user_path(path).absolute() for path in plugins],
                fresh=fresh,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        if not done:
            raise
        raise Stopped(outcome_of(plan, results, done, reference)) from None
    finally:
        tracking.close()
    outcome = outcome_of(plan, results, records, reference)
    dropped = drop_checkpoints(results, records, keep_checkpoints)
    return dataclasses.replace(outcome, notes=[*outcome.notes, *tracking.notes, *dropped])


def leaderboard(out: Path | str = "results") -> pd.DataFrame:
    """The leaderboard of all records in the folder `out`; its CSV files are written anew.

    Accuracies and intervals are fractions. Raises `UserError` for a folder without records.
    """
    table, _ = rebuild(out)
    return table


def rebuild(out: Path | str) -> tuple[pd.DataFrame, list[Path]]:
    """What `leaderboard` gives, and the CSV files that are written from it."""
    return write_tables(ResultsFolder(out, write=False))


def compare(out: Path | str, reference: str, margin: float = MARGIN) -> pd.DataFrame:
    """Paired differences of all results in the folder `out` to those of `reference`, as fractions.

    margin: in percentage points; differences within it count as equivalent. Raises `UserError` for
    a reference without results, and for a margin that is not more than 0 and less than 100.
    """
    results = ResultsFolder(out, write=False)
    records = list(results)
    rows = rows_of(results.predictions(records), row_names(records))
    return differences(rows, reference, margin)


def confusion(
    out: Path | str = "results",
    baselines: Sequence[str] | None = None,
    shots: Sequence[int] | None = None,
) -> pd.DataFrame:
    """True by predicted class of the results in the folder `out`, as counts and shares.

    A line a baseline x shot value x true class x predicted class; shares are fractions of the true
    class. `Outcome.confusion` is one of them as a matrix. baselines, shots: the names and shot
    values to show; None: all. Raises `UserError` for one without a result.
    """
    results = ResultsFolder(out, write=False)
    records = list(results)
    # by all records, so that a row has the same name whatever else is shown
    names = row_names(records)
    chosen = records_at(shots, records_named(baselines, records, names))
    return tables.confusion(results.predictions(chosen), names)


def recalls(out: Path | str = "results", baselines: Sequence[str] | None = None) -> pd.DataFrame:
    """Recall of each class and group of classes, with its interval, in the folder `out`.

    Fractions. Only classification protocols have it: for others the table is empty. baselines: the
    names to show; None: all. Raises `UserError` for one without a result.
    """
    results = ResultsFolder(out, write=False)
    records = list(results)
    names = row_names(records)
    predictions = results.predictions(records_named(baselines, records, names))
    return class_recalls(predictions, names)


def episodes(
    request: Request | Path | str | None,
    file: Path | str,
    *,
    plugins: Sequence[Path | str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Write the episodes of the request's protocol to a file.

    request, options: as `run` takes them. Returns a row for each shot value: shots, episodes and
    their digest. The accuracy of each episode of a run is in `Outcome.episodes`. Raises `UserError`
    for pairs, and for a file that cannot be written.
    """
    images, episode_sets = resolve_episodes(requested(request, options), Registry(plugins))
    protocol = episode_sets[0].protocol
    if isinstance(protocol, Pairs):
        raise UserError(
            f"{protocol.name} asks about pairs, which no file of episodes holds; name another "
            "protocol, or run it: its pairs are the same every time"
        )
    drawn = {}
    digests = {}
    rows = []
    for episode_set in episode_sets:
        shots = episode_set.shots
        count = episode_set.episodes
        drawn[shots] = episode_set.source.draw(0, count)
        digests[shots] = episode_set.digest
        rows.append({"shots": shots, "episodes": count, "digest": episode_set.digest})
    about = {
        "protocol": protocol.as_dict(),
        "dataset": images.name,
        "dataset_digest": images.digest,
        "group_by": images.group_by,
        "class_names": list(protocol.test_classes),
        "digests": digests,
    }
    try:
        write_episodes(user_path(file), drawn, about)
    except OSError as error:
        raise UserError(
            f"{file} cannot be written ({error.strerror}); name a file in a folder that can"
        ) from None
    return pd.DataFrame(rows)


def data(
    request: Request | Path | str | None = None,
    *,
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
    **options: Any,
) -> LabelledImages:
    """The images of a data set: `data("my_images/")`, `data("neu")`, `data("a.zip", fit="pad")`.

    request: a `Request`, a path, or the name of a data set; options: fields of `Request`, on top of
    it. For a path without a name, the data set that recognises its files, else `folder`.
    progress: show how far the reading is.

    Raises `UserError` for a path or name that is not there, and for files that cannot be read.
    """
    asked = requested(request, options)
    with shown(None, progress=progress):
        return resolve_data(asked, Registry(plugins)).data


def check(
    methods: Sequence[str] | str,
    *,
    data: Path | str | None = None,
    data_folder: Path | None = None,
    notify: Callable[[str], None] = lambda name: None,
) -> pd.DataFrame:
    """Check baselines, rules and data sets against the contract; a row for each and each check.

    methods: names of them, files that define one, or `all`: all baselines and rules; data: of the
    data set, if it reads files; data_folder: where data sets are looked for without it; None:
    $FEWSHOT_BENCH_DATA; notify: called with each name, and which one it is, before its checks.
    Columns: baseline (or rule, or data set), check, status (ok, broken or not checked), and told:
    what was expected, what came, and why it matters. Raises `UserError` for a name that does not
    exist, and for a data set whose data is not there.
    """
    names = [methods] if isinstance(methods, str) else methods
    registry = Registry([name for name in names if name.endswith(".py")])
    subjects: list[Examined | ExaminedData] = []
    for name in names:
        subjects += examined(name, registry)
    rows = []
    placed = _with_data(subjects, data, data_folder or environment_data_folder())
    for number, subject in enumerate(placed, start=1):
        notify(f"[{number} of {len(subjects)}] {subject.name}")
        for finding in subject.findings():
            row = {
                "baseline": subject.name,
                "check": finding.check,
                "status": finding.status,
                "told": finding.message,
            }
            rows.append(row)
    return pd.DataFrame(rows, columns=list(CHECK_COLUMNS))


def _with_data(
    subjects: Sequence[Examined | ExaminedData], data: Path | str | None, folder: Path | None
) -> list[Examined | ExaminedData]:
    """The same subjects; each data set that reads files has the path of its data."""
    placed: list[Examined | ExaminedData] = []
    readers = 0
    for subject in subjects:
        if isinstance(subject, Examined) or not subject.dataset_class.card.needs_path:
            placed.append(subject)
            continue
        readers += 1
        path = path_in(folder, subject.dataset_class) if data is None else user_path(data)
        placed.append(dataclasses.replace(subject, path=path))
    if data is not None and readers != 1:
        raise UserError(
            f"--data {data} is for one data set that reads files, and {readers} are named here; "
            "check one at a time, or leave it out"
        )
    return placed


def listing(plugins: Sequence[Path | str] = ()) -> pd.DataFrame:
    """All that can be named: methods, rules, data sets, ..., and why one cannot be used.

    Columns: kind, name, title, source, year, about (how it answers), settings and error.
    """
    rows = listed_plugins(Registry(plugins))
    frame = pd.DataFrame(rows, columns=list(PLUGIN_COLUMNS))
    return frame.astype({"year": "Int64"})


def described(name: str, plugins: Sequence[Path | str] = ()) -> list[Described]:
    """What is known of each thing of this name: a method, a data set, a protocol, an encoder, ...

    Raises `UserError` where there is none.
    """
    return described_in(name, Registry(plugins))
