"""`bench recommend`: from a request to a recommendation, with its records and files."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fewshot_bench.advice.choice import choose
from fewshot_bench.advice.figures import Figures, figures
from fewshot_bench.advice.measure import SEED, Measured, measure
from fewshot_bench.advice.question import HELD_OUT, Question, question
from fewshot_bench.advice.recommendation import Recommendation, recommendation
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.deploy.method import OPTIONS
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.errors import UserError
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["recommend"]

FEW_QUERIES = 5  # of each new class
APPLIED_WITH = ("preset", "budget", "fit", "class_level", "keep_masks")


def recommend(
    request: Request,
    out: Path | str,
    *,
    minutes: float,
    train: bool,
    plugins: Sequence[Path | str] = (),
    on_progress: OnProgress = lambda progress: None,
    clock: Callable[[], float] = time.monotonic,
) -> Recommendation:
    """Which method to use for a new class beside those of the request's data.

    Records and files go to the folder `out`. minutes: for as many splits as fit; train: ask
    methods that train too. Raises `UserError` for data or minutes that allow no recommendation.
    """
    if not 0 < minutes < math.inf:
        raise UserError(
            f"--minutes {minutes:g} is out of bounds (allowed: more than 0); 5 is the default"
        )
    if request.data is None and request.dataset is None:
        raise UserError(
            "a recommendation is for your pictures: name their folder or archive with --data, one "
            "folder in it a class"
        )
    registry = Registry(plugins)
    asked = question(request, registry, train=train)
    results = ResultsFolder(out)
    measured = measure(asked, registry, results, 60 * minutes, on_progress=on_progress, clock=clock)
    counted = _counted(asked, measured, results)
    notes = [*_notes(asked, measured, counted, minutes), *asked.notes, *_notes_of_plan(measured)]
    notes += _notes_of_data(asked.data)
    made = recommendation(counted, choose(counted), notes, _about(asked, measured, request))
    return made.written(results.out)


def _counted(asked: Question, measured: Measured, results: ResultsFolder) -> Figures:
    names = asked.data.class_names
    images = [len(asked.data.indices([name])) for name in names]
    counted = figures(measured.records, results, names, images)
    if not counted.methods:
        reasons = "; ".join(dict.fromkeys(counted.left_out.values()))
        raise UserError(f"no method has a result on {asked.data.name} ({reasons})")
    return counted


def _about(asked: Question, measured: Measured, request: Request) -> dict[str, Any]:
    """What was run, without what a clock says."""
    data = asked.data
    return {
        "dataset": data.name,
        "dataset_digest": data.digest,
        "classes": list(data.class_names),
        "held_out": HELD_OUT,
        "shots": list(asked.shots),
        "queries": asked.queries,
        "splits_run": measured.done,
        "splits": measured.splits,
        OPTIONS: _options(request),
    }


def _options(request: Request) -> dict[str, str]:
    """The options that a method is applied with too, where they are not the defaults."""
    default = Request()
    options = {}
    for name in APPLIED_WITH:
        value = getattr(request, name)
        if value != getattr(default, name):
            options[f"--{name.replace('_', '-')}"] = str(value)
    return options


def _notes_of_data(data: LabelledImages) -> list[str]:
    notes = list(data.notes)
    if data.dropped:
        notes.append(f"byte-identical copies left out: {len(data.dropped)}; bench data names them")
    if data.contradictions:
        count = sum(len(copies) for copies in data.contradictions)
        notes.append(f"pictures that lie in two classes left out: {count}; bench data names them")
    return notes


def _notes_of_plan(measured: Measured) -> list[str]:
    # how many splits were run stands in a note of this command
    return [note for note in measured.notes if " splits: every choice of " not in note]


def _notes(asked: Question, measured: Measured, counted: Figures, minutes: float) -> list[str]:
    notes = []
    text = (
        f"{measured.done} of {measured.splits} splits were run: every one holds out {HELD_OUT} "
        f"of the {len(asked.data.class_names)} classes"
    )
    if measured.done < measured.splits:
        text += (
            f"; they were taken in a random order (seed {SEED}) until {minutes:g} minutes were "
            "nearly up, and the same command goes on from there"
        )
    notes.append(text)
    if asked.queries < FEW_QUERIES:
        pictures = "picture" if asked.queries == 1 else "pictures"
        notes.append(
            f"the smallest class leaves {asked.queries} {pictures} of each new class to ask about "
            "in an episode: percentages are rough"
        )
    notes.append(
        "the table has what each method reached; the promise is of methods chosen without the "
        "class that they are measured on, and so can be lower"
    )
    classes = len(asked.data.class_names)
    missing = classes - len(counted.held_out)
    if missing:
        notes.append(f"{missing} of {classes} classes were held out in none of these splits")
    notes.append(
        "the interval is Student's t for one more class, from "
        f"{len(counted.held_out)} classes, on the scale asin(sqrt(accuracy)): few classes say "
        "little of the next one, so it is wide; docs/guides/recommend.md says how often it holds"
    )
    return notes
