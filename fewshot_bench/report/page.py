"""One HTML page of a folder of results. It needs no network, and has no clock: the same records
give the same page.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import shlex
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import CONDITION, METHOD, QUESTION, condition_label
from fewshot_bench.leaderboard.compare import MARGIN, differences, which_test
from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.record import Record
from fewshot_bench.report.draw import can_plot, plot
from fewshot_bench.report.frames import where
from fewshot_bench.report.verdicts import (
    rankings_at_each_condition,
    sentences_of_differences,
    sentences_of_ranks,
)

__all__ = ["report"]

# what a picture shows, by the start of its file name
CAPTIONS = {
    "ranking": "Accuracy with 95 % intervals, best first; a line at the right joins methods that "
    "are not shown to differ",
    "accuracy": "Accuracy by shots or train size, with 95 % intervals",
    "differences": "Paired differences to the reference; the bar agrees with the verdict, small "
    "ticks mark the 95 % interval of one difference; within the band they are equivalent",
    "recall": "Recall of each class at the most shots",
    "confusion": "What each class was taken for at the most shots, in % of the class",
    "episodes": "Share of the episodes above an accuracy",
    "cost": "Accuracy against the seconds of training and embedding",
    "loss": "Loss of each training",
    "heat": "What encoders look at: Grad-CAM on the same test images",
    "map": "Features of the test images in two dimensions",
    "samples": "Images of each class",
}
NEED_DATA = ("heat", "map", "samples")  # drawn by other commands, which read the images

CONDITION_COLUMN = "shots or train size or pairs"  # one column for those of CONDITION
FRONT = (
    "rank",
    "ties",
    "baseline",
    CONDITION_COLUMN,
    "accuracy",
    "ci95_low",
    "ci95_high",
    "auroc",
    "auroc_low",
    "auroc_high",
    "published",
    "status",
    "seeds",
    "rule",
    "threshold",
    "transductive",
)
HEADS = {  # of columns whose head is not their name
    "ci95_low": "from",
    "ci95_high": "to",
    "auroc_low": "auroc from",
    "auroc_high": "auroc to",
    "seeds": "trainings",
    "dataset": "data set",
    "dataset_digest": "data digest",
}
DECIMALS = {  # of percent
    "accuracy": 1,
    "ci95_low": 1,
    "ci95_high": 1,
    "auroc": 1,
    "auroc_low": 1,
    "auroc_high": 1,
    "published": 2,
}
DIGEST_LETTERS = 12

Row = Mapping[Hashable, Any]
Cell = dict[str, object]
Pairs = dict[str, object]


def report(
    out: Path | str = "results", reference: str | None = None, margin: float = MARGIN
) -> Path:
    """Write `report.html` below `out`, with new plots and what `explain` and `map_features` drew.

    reference: a baseline that the verdicts compare the others with; margin: differences up to
    so many percentage points count as equivalent. Returns the path of the page.
    Raises `UserError` where matplotlib is not installed, or there is nothing to report.
    """
    can_plot("bench report")
    results = ResultsFolder(out, write=False)
    records = list(results)
    predictions = results.predictions(records)
    if not records:
        raise UserError(f"--out {out} holds no record; run bench run --out {out} first")
    names = row_names(records)
    without_result = [record for record in records if record.status != "ok"]
    leaderboard = tables.leaderboard(predictions, without_result, names)
    if reference is None:
        verdicts = list(sentences_of_ranks(leaderboard))
        tested = ""
    else:
        compared = differences(rows_of(predictions, names), reference, margin)
        verdicts = list(sentences_of_differences(compared))
        tested = "" if compared.empty else which_test(compared)
    drawn = plot(out, reference, margin) if predictions else []
    kept = _pictures_of_data(results.paths)
    images = [path for path in drawn if path.suffix == ".png"] + kept
    script = _resource("page.js")
    text = _template().render(
        title="Few-shot benchmark: " + ", ".join(sorted(leaderboard["protocol"].unique())),
        script=Markup(script),
        script_digest=_digest(script),
        baselines=sorted(leaderboard["baseline"].unique()),
        datasets=sorted(leaderboard["dataset"].unique()),
        verdicts=verdicts,
        tested=tested,
        heads=[HEADS.get(name, name.replace("_", " ")) for name in _columns()],
        rows=_rows(leaderboard),
        pictures=[_picture(path) for path in images],
        has_heat_maps=any(path.name.startswith("heat-") for path in kept),
        pointing=_pointing(results.paths.pointing),
        settings=list(_settings(leaderboard, records)),
        commands=_commands(records),
    )
    path = results.paths.report
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_resource("page.html"))


def _resource(name: str) -> str:
    folder = importlib.resources.files(__package__)
    return folder.joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """What the page's security policy knows its only script by."""
    sha256 = hashlib.sha256(script.encode())
    encoded = base64.b64encode(sha256.digest())
    return f"sha256-{encoded.decode()}"


def _columns() -> list[str]:
    """The columns of the page's table, with all that set rows apart."""
    columns = list(FRONT)
    for name in (*METHOD, *QUESTION, "episodes", "would_decide", "note"):
        if name not in columns:
            columns.append(name)
    return columns


def _rows(leaderboard: pd.DataFrame) -> list[list[Cell]]:
    columns = _columns()
    rows = []
    for row in leaderboard.to_dict("records"):
        rows.append([_cell(row, name) for name in columns])
    return rows


def _cell(row: Row, name: str) -> Cell:
    """text, and number where the column sorts by one."""
    if name == CONDITION_COLUMN:
        # shots are there in all rows
        sizes = [row[column] for column in CONDITION if pd.notna(row[column])]
        size = sizes[-1]
        return {"text": condition_label(row), "number": float(size)}
    value = row[name]
    if pd.isna(value):
        return {"text": "", "number": None}
    if name in DECIMALS:
        return {"text": f"{100 * value:.{DECIMALS[name]}f}", "number": float(value)}
    if isinstance(value, bool):
        return {"text": "yes" if value else "no", "number": None}
    if isinstance(value, int | float):
        return {"text": str(value), "number": float(value)}
    text = str(value)
    if name.endswith("_digest"):
        text = text[:DIGEST_LETTERS]
    return {"text": text, "number": None}


def _pictures_of_data(paths: ResultPaths) -> list[Path]:
    """The pictures that other commands have drawn."""
    kept: list[Path] = []
    for kind in NEED_DATA:
        kept += sorted(paths.plots.glob(f"{kind}-*.png"))
    return kept


def _picture(path: Path) -> dict[str, str]:
    kind, _, name = path.stem.partition("-")
    caption = f"{CAPTIONS[kind]}: {name}."
    encoded = base64.b64encode(path.read_bytes())
    return {"caption": caption, "png": encoded.decode()}


def _pointing(path: Path) -> dict[str, object] | None:
    """The table that `explain` wrote, where there is one."""
    if not path.is_file():
        return None
    try:
        frame = pd.read_csv(path)
        references = frame["reference"].dropna().unique()
        with_heat = frame.dropna(subset=["energy"])
        rows = []
        for row in with_heat.to_dict("records"):
            rows.append(_pointing_row(row, has_reference=len(references) > 0))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not what bench explain wrote ({error}); remove it") from None
    heads = [
        "protocol",
        "test classes",
        "baseline",
        "places",
        "images",
        "no heat",
        "heat in boxes",
        "by chance",
        "maximum in a box",
        "by chance",
        "above chance",
    ]
    heads += [f"against {name}" for name in references[:1]]
    return {"heads": heads, "rows": rows}


def _pointing_row(row: Row, *, has_reference: bool) -> list[str]:
    cells = [
        row["protocol"],
        row["test_classes"],
        row["baseline"],
        row["places"],
        f"{row['images']:.0f}",
        f"{row['without_heat']:.0f}",
        _with_interval(row, "energy"),
        f"{100 * row['cover']:.1f}",
        _with_interval(row, "hit"),
        f"{100 * row['hit_chance']:.1f}",
        _with_interval(row, "above_chance", sign="+"),
    ]
    if has_reference:
        cells.append(_with_interval(row, "difference", sign="+"))
    return cells


def _with_interval(row: Row, name: str, *, sign: str = "") -> str:
    """A share in percent with its interval, where it has one."""
    share = row[name]
    low = row[f"{name}_low"]
    high = row[f"{name}_high"]
    if pd.isna(share):
        return ""
    text = f"{100 * share:{sign}.1f}"
    if pd.isna(low):
        return text
    low_text = f"{100 * low:{sign}.1f}"
    high_text = f"{100 * high:{sign}.1f}"
    return f"{text} ({low_text} to {high_text})"


def _settings(leaderboard: pd.DataFrame, records: Sequence[Record]) -> Iterator[dict[str, object]]:
    """For each row, how its first training was set up and where it was made."""
    first_records: dict[object, Record] = {}
    for record in records:
        key = record_columns(record, record.baseline.name)["key"]
        first_records.setdefault(key, record)
    for ranking in rankings_at_each_condition(leaderboard):
        question = where(ranking)
        for row in ranking.rows.to_dict("records"):
            record = first_records[row["key"]]
            # pairs and no dictionary: a setting may be called like an item of the provenance
            pairs = [*_resolved(record).items(), *_provenance(record).items()]
            yield {"name": f"{row['baseline']}: {question}", "pairs": pairs}


def _resolved(record: Record) -> Pairs:
    """The resolved settings; those that a user gave are marked."""
    settings: Pairs = {}
    for name, value in record.baseline.settings.items():
        is_given = name in record.baseline.settings_given
        settings[name] = f"{value} (given)" if is_given else value
    return settings


def _provenance(record: Record) -> Pairs:
    made = record.provenance
    edited = " (edited)" if made.dirty else ""
    packages = [f"{name} {number}" for name, number in made.packages.items()]
    seconds = [f"{stage} {number}" for stage, number in record.seconds.items()]
    return {
        "source": record.baseline.sha256,
        "data set digest": record.dataset.digest,
        "episodes": record.episodes_digest,
        "version": record.training.version,
        "commit": f"{made.commit}{edited}",
        "device": made.device,
        "threads": made.threads,
        "instructions": made.instructions,
        "python": made.python,
        "started": made.started,
        "packages": ", ".join(packages),
        "seconds": ", ".join(seconds),
    }


def _commands(records: Sequence[Record]) -> list[str]:
    """The command lines that made the records, each once."""
    commands = set()
    for record in records:
        words = record.provenance.argv
        if words:
            commands.add(shlex.join(words))
    return sorted(commands)
