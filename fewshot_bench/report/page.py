"""One HTML page of a folder of results. It needs no network, and has no clock: the same records
and pictures give the same page.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import io
import shlex
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template
from markupsafe import Markup
from PIL import Image

from fewshot_bench.errors import UserError
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import Ranking
from fewshot_bench.leaderboard.compare import MARGIN, differences, which_test
from fewshot_bench.leaderboard.names import row_names
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.records.record import Record
from fewshot_bench.registry.registry import Registry
from fewshot_bench.report.answers import answer
from fewshot_bench.report.at_hand import images_at_hand
from fewshot_bench.report.board import Board, boards
from fewshot_bench.report.details import Pictures, details_of
from fewshot_bench.report.draw import can_plot, plot
from fewshot_bench.report.frames import Question, conditions_in_order, questions
from fewshot_bench.report.verdicts import MEANINGS, Verdicts, against_reference, by_ties
from fewshot_bench.request import Request

__all__ = ["Beside", "page_text", "report"]

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
    "hardest": "Test pictures that were most often wrong",
}
IN_THE_ANSWER = "ranking"  # kind of picture that stands at the top
NEED_DATA = ("heat", "map", "hardest", "samples")  # drawn by other commands, which read the images

MOST_DRAWN = 30  # methods of the picture at the top, the most accurate ones

Row = Mapping[Hashable, Any]


@dataclass(frozen=True)
class Part:
    """What the page says of one question. picture: as `_embedded` gives it, empty without one."""

    heading: str
    dataset: str
    sentences: list[str]
    picture: dict[str, Any]
    boards: list[Board]


@dataclass(frozen=True)
class Beside:
    """What the page has beside its tables.

    details: of each row, by its key; pictures: those in the details; not_at_hand: why others are
    not there; images: files of plots; pointing: what `_pointing` gives; commands: that made it.
    """

    details: Mapping[str, Any] = field(default_factory=dict)
    pictures: Pictures = field(default_factory=lambda: Pictures({}))
    not_at_hand: Sequence[str] = ()
    images: Sequence[Path] = ()
    pointing: Mapping[str, object] | None = None
    commands: Sequence[str] = ()


def report(
    out: Path | str = "results",
    reference: str | None = None,
    margin: float = MARGIN,
    *,
    request: Request | None = None,
    plugins: Sequence[Path | str] = (),
) -> Path:
    """Write `report.html` below `out`, with new plots and what `explain` and `map_features` drew.

    reference: a baseline that the verdicts compare the others with; margin: differences up to
    so many percentage points count as equivalent; request: where and how the data set is read,
    whose hardest pictures the page shows. Without them it says so. Returns the path of the page.
    Raises `UserError` where matplotlib is not installed, there is nothing to report, or the
    request names other data than those of the results.
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
    compared = pd.DataFrame()
    if reference is not None:
        compared = differences(rows_of(predictions, names), reference, margin)
    at_hand, reasons = images_at_hand(records, request or Request(), Registry(plugins))
    pictures = Pictures(at_hand)
    details = details_of(leaderboard, records, predictions, names, pictures)
    drawn = plot(out, reference, margin) if predictions else []
    images = [path for path in drawn if path.suffix == ".png"]
    images += _pictures_of_data(results.paths)
    beside = Beside(
        details=details,
        pictures=pictures,
        not_at_hand=reasons,
        images=images,
        pointing=_pointing(results.paths.pointing),
        commands=_commands(records),
    )
    text = page_text(leaderboard, compared, beside)
    path = results.paths.report
    write_atomically(path, lambda file: file.write(text.encode()))
    return path


def page_text(leaderboard: pd.DataFrame, compared: pd.DataFrame, beside: Beside) -> str:
    """The page of a leaderboard. compared: its differences to a reference, empty without one."""
    script = _resource("page.js")
    images = beside.images
    return _template().render(
        title="Few-shot benchmark: " + ", ".join(sorted(leaderboard["protocol"].unique())),
        style=Markup(_resource("page.css")),
        script=Markup(script),
        script_digest=_digest(script),
        methods=leaderboard["baseline"].nunique(),
        parts=_parts(leaderboard, compared),
        filters=_filters(leaderboard),
        conditions=conditions_in_order(leaderboard),
        verdicts=_verdicts(leaderboard, compared),
        meanings=MEANINGS,
        tested="" if compared.empty else which_test(compared),
        images=[_picture(path) for path in images if _kind(path) != IN_THE_ANSWER],
        has_heat_maps=any(_kind(path) == "heat" for path in images),
        data={"cells": beside.details, "pictures": beside.pictures.sources},
        left_out=len(beside.pictures.left_out),
        beside=beside,
    )


def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        loader=FunctionLoader(_resource),
    )
    return environment.get_template("page.html")


def _resource(name: str) -> str:
    folder = importlib.resources.files(__package__)
    return folder.joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    """What the page's security policy knows its only script by."""
    sha256 = hashlib.sha256(script.encode())
    encoded = base64.b64encode(sha256.digest())
    return f"sha256-{encoded.decode()}"


def _parts(leaderboard: pd.DataFrame, compared: pd.DataFrame) -> list[Part]:
    """The questions of the page, each with its answer and its tables."""
    comparisons = {question.key: question.rows for question in questions(compared)}
    parts = []
    for question in questions(leaderboard):
        sentences = answer(question, comparisons.get(question.key))
        picture = _answer_picture(question, leaderboard["baseline"])
        dataset = str(question.rows.iloc[0]["dataset"])
        tables_of_it = list(boards(question))
        parts.append(Part(question.heading, dataset, sentences, picture, tables_of_it))
    return parts


def _answer_picture(question: Question, names: Iterable[str]) -> dict[str, Any]:
    """Accuracies at the most shots, with intervals and ties; over splits, those of each split."""
    from matplotlib import rc_context

    from fewshot_bench.report.figure import LOOK, Picture, files_of
    from fewshot_bench.report.looks import looks_of
    from fewshot_bench.report.ranked import ranked_accuracies
    from fewshot_bench.report.split_plots import accuracy_by_split

    rows = question.at_most_shots
    if rows["accuracy"].isna().all():
        return {}
    methods = f"{len(rows)} methods"
    if len(rows) > MOST_DRAWN and not question.of_splits:
        methods = f"the {MOST_DRAWN} most accurate of {methods}"
    looks = looks_of(names)
    with rc_context(LOOK):
        if question.of_splits:
            figure = accuracy_by_split(question.ranking, looks)
        else:
            shown = Ranking(rows.head(MOST_DRAWN), question.ranking.differs)
            figure = ranked_accuracies(shown, looks)
        content = files_of(Picture("answer", figure), ["png"])["answer.png"]
    return {**_embedded(content), "caption": f"Accuracy of {methods}, with 95 % intervals."}


def _filters(leaderboard: pd.DataFrame) -> dict[str, list[str]]:
    """What the tables of the page can be filtered by, where there is a choice."""
    filters = {}
    for name, column in {"data set": "dataset", "rule": "rule", "encoder": "encoder"}.items():
        texts = {
            value if isinstance(value, str) and value else "none" for value in leaderboard[column]
        }
        values = sorted(texts)
        if len(values) > 1:
            filters[name] = values
    return filters


def _verdicts(leaderboard: pd.DataFrame, compared: pd.DataFrame) -> list[Verdicts]:
    """Against the reference; without one, beside the most accurate method of each question."""
    if not compared.empty:
        return [against_reference(question) for question in questions(compared)]
    return [by_ties(question) for question in questions(leaderboard.dropna(subset=["accuracy"]))]


def _pictures_of_data(paths: ResultPaths) -> list[Path]:
    """The pictures that other commands have drawn."""
    kept: list[Path] = []
    for kind in NEED_DATA:
        kept += sorted(paths.plots.glob(f"{kind}-*.png"))
    return kept


def _kind(path: Path) -> str:
    """What a picture shows."""
    return path.stem.partition("-")[0]


def _picture(path: Path) -> dict[str, Any]:
    name = path.stem.partition("-")[2]
    caption = f"{CAPTIONS[_kind(path)]}: {name}."
    return {"caption": caption, **_embedded(path.read_bytes())}


def _embedded(png: bytes) -> dict[str, Any]:
    """A picture for the attribute `src`, with its size in pixels."""
    with Image.open(io.BytesIO(png)) as picture:
        width, height = picture.size
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return {"source": source, "width": width, "height": height}


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


def _commands(records: Sequence[Record]) -> list[str]:
    """The command lines that made the records, each once."""
    commands = set()
    for record in records:
        words = record.provenance.argv
        if words:
            commands.add(shlex.join(words))
    return sorted(commands)
