"""What the command line and notebooks call: a request in, tables and files out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.checks import examine
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.tree import Tree
from fewshot_bench.engine.schedule import Notify, execute
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.compare import MARGIN, differences
from fewshot_bench.leaderboard.recall import recalls as class_recalls
from fewshot_bench.leaderboard.rows import row_key, rows_of
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.planning.resolve import load_data, settle_questions
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder, write_episodes
from fewshot_bench.records.record import Record
from fewshot_bench.registry.catalogue import listed_plugins
from fewshot_bench.registry.registry import Plugin, Registry, usable
from fewshot_bench.request import Request

__all__ = [
    "Outcome",
    "check",
    "compare",
    "confusion",
    "data",
    "episodes",
    "leaderboard",
    "listing",
    "rebuild",
    "recalls",
    "run",
]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run gave: the leaderboard rows of its own cells, their differences to the reference where one is named,
    their records, and the files that were written.
    """

    table: pd.DataFrame
    comparison: pd.DataFrame | None
    records: list[Record]
    data: LabelledImages
    files: list[Path]

    @property
    def failed(self) -> list[Record]:
        """ResultsFolder of cells that have no result."""
        return [record for record in self.records if record.failed]


def run(
    request: Request,
    out: Path | str = "results",
    *,
    fresh: bool = False,
    reference: str | None = None,
    plugins: Sequence[Path | str] = (),
    notify: Notify = lambda progress: None,
) -> Outcome:
    """Run what `request` asks for, keep it below `out`, and bring the leaderboard there up to date.

    fresh: compute again what is on disk; reference: one of the baselines, to hold the others against; plugins: files that
    define further baselines or data sets.
    Raises `UserError` for what cannot be run; a cell that fails is in the outcome's `failed`.
    """
    plan = make_plan(request, Registry(plugins))
    names = list(dict.fromkeys(training.name for training in plan.trainings))
    if reference is not None and reference not in names:
        raise unknown("reference", reference, names)
    records = ResultsFolder(out)
    found = execute(plan, records, fresh=fresh, notify=notify)
    table, files = _tables(records)
    own = table["key"].isin({row_key(record)[:16] for record in found})
    comparison = None
    if reference is not None:
        answers = [records.answer(record) for record in found if record.status == "ok"]
        comparison = differences(rows_of(answers), reference)
    return Outcome(table[own].reset_index(drop=True), comparison, found, plan.data, files)


def leaderboard(out: Path | str = "results") -> pd.DataFrame:
    """The leaderboard of all records below `out`, whose CSV files are written anew."""
    return rebuild(out)[0]


def rebuild(out: Path | str) -> tuple[pd.DataFrame, list[Path]]:
    """The leaderboard of all records below `out`, and the CSV files that were written anew from them."""
    return _tables(ResultsFolder(out, write=False))


def compare(out: Path | str, reference: str, margin: float = MARGIN) -> pd.DataFrame:
    """Paired differences to `reference` of all that lies below `out`; margin: a fraction, of what counts as equivalent."""
    return differences(rows_of(ResultsFolder(out, write=False).answers()), reference, margin)


def confusion(
    out: Path | str = "results",
    baselines: Sequence[str] | None = None,
    shots: Sequence[int] | None = None,
) -> pd.DataFrame:
    """True by predicted class of what lies below `out`, in counts and shares, of some baselines and shot values."""
    answers = ResultsFolder(out, write=False).answers(baselines)
    asked = sorted({answer.record.shots for answer in answers})
    for number in shots or ():
        if number not in asked:
            raise unknown("shot value of the results", str(number), map(str, asked))
    return tables.confusion(
        [answer for answer in answers if shots is None or answer.record.shots in shots]
    )


def recalls(out: Path | str = "results", baselines: Sequence[str] | None = None) -> pd.DataFrame:
    """Recall of each class and group of classes with its interval, of the classification protocols below `out`."""
    return class_recalls(ResultsFolder(out, write=False).answers(baselines))


def _tables(records: ResultsFolder) -> tuple[pd.DataFrame, list[Path]]:
    """The leaderboard of all records, and the files written anew: leaderboard.csv (long), leaderboard-wide.csv,
    timings.csv; where all splits were asked for splits.csv, and of classification protocols recalls.csv.
    """
    with Claims(
        records.out / "claims"
    ).lock():  # of several processes at once the last has seen the records of all
        return _locked_tables(records)


def _locked_tables(records: ResultsFolder) -> tuple[pd.DataFrame, list[Path]]:
    answers = records.answers()
    table = tables.leaderboard(answers, [record for record in records if record.status != "ok"])
    if table.empty:
        raise UserError(
            f"--out {records.out} holds no record; run bench run --out {records.out} first"
        )
    contents = {
        "leaderboard.csv": table,
        "leaderboard-wide.csv": tables.wide(table),
        "timings.csv": tables.timings(records),
    }
    more = {"splits.csv": tables.splits(table), "recalls.csv": class_recalls(answers)}
    contents |= {name: content for name, content in more.items() if not content.empty}
    for name, content in contents.items():
        encoded = tables.text(content).encode()
        write_atomically(records.out / name, lambda out, encoded=encoded: out.write(encoded))  # type: ignore[misc]
    return table, [records.out / name for name in contents]


def episodes(
    request: Request, file: Path | str, *, plugins: Sequence[Path | str] = ()
) -> pd.DataFrame:
    """Write the episodes of the protocol that `request` settles to `file`, and tell what was written, a row a shot."""
    images, protocols = load_data(request, Registry(plugins))
    questions = settle_questions(request, images, protocols)
    protocol = questions[0].protocol
    about = {
        "protocol": protocol.as_dict(),
        "dataset": images.name,
        "dataset_digest": images.digest,
        "class_names": list(protocol.test_classes),
        "digests": {question.shots: question.digest for question in questions},
    }
    try:
        write_episodes(
            Path(file), {q.shots: q.source.draw(0, q.episodes) for q in questions}, about
        )
    except OSError as error:
        raise UserError(
            f"{file} cannot be written ({error.strerror}); name a file in a folder that can"
        ) from None
    return pd.DataFrame(
        [{"shots": q.shots, "episodes": q.episodes, "digest": q.digest} for q in questions]
    )


def data(request: Request, *, plugins: Sequence[Path | str] = ()) -> LabelledImages:
    """The images of a data set; of a path without a name, the data set that recognises its files, else `folder`."""
    registry = Registry(plugins)
    name = request.dataset
    if name is None and request.data is not None:
        with Tree(request.data) as tree:
            known = (
                plugin.name
                for plugin, kind in usable(registry.datasets.values())
                if kind.recognises(tree.files)
            )
            name = next(known, "folder")
    return load_data(
        Request(dataset=name, data=request.data, data_folder=request.data_folder), registry
    )[0]


def check(
    methods: Sequence[str] | str, *, notify: Callable[[str], None] = lambda name: None
) -> pd.DataFrame:
    """The contract, held against baselines by name or by the file that defines one: a row a baseline x check.

    notify: told which baseline is looked at. Columns: baseline, check, status (ok, broken or not checked) and told: what
    was expected, what came, and why it matters. Raises `UserError` for a name that is not there.
    """
    methods = [methods] if isinstance(methods, str) else methods
    registry = Registry([method for method in methods if method.endswith(".py")])
    plugins: list[Plugin[Baseline]] = []
    for method in methods:
        if method == "all":
            plugins += (plugin for plugin, _ in usable(registry.every_baseline()))
        elif method.endswith(".py"):
            plugins += registry.variants(_of_a_baseline(Path(method), registry))
        elif Path(method).exists() and method not in registry.baselines:
            raise UserError(f"{method} is no Python file; name one that ends in .py, or a baseline")
        else:
            plugins.append(registry.baseline(method))
    rows = []
    for plugin, kind in [(plugin, plugin.load()) for plugin in plugins]:
        notify(plugin.name)
        rows += [{"baseline": plugin.name, **asdict(finding)} for finding in examine(kind)]
    return pd.DataFrame(rows, columns=["baseline", "check", "status", "told"])


def _of_a_baseline(path: Path, registry: Registry) -> str:
    if path.stem not in registry.baselines:
        raise UserError(f"{path} defines a data set; the contract is one of baselines")
    return path.stem


def listing(plugins: Sequence[Path | str] = ()) -> pd.DataFrame:
    """Every baseline and data set: kind, name, title, source, year, how it answers, and why one is broken."""
    columns = ["kind", "name", "title", "source", "year", "about", "settings", "error"]
    return pd.DataFrame(listed_plugins(Registry(plugins)), columns=columns).astype(
        {"year": "Int64"}
    )
