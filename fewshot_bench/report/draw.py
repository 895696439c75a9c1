"""What the command line and notebooks call for pictures: figures as PNG and SVG files in `plots/` below the results."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from fewshot_bench.contract.answering import episode_rule
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine.schedule import Notify, execute, fitted_baseline
from fewshot_bench.errors import PLUGIN_ERRORS, NotApplicable, UserError, unknown
from fewshot_bench.explain.gradcam import Heat, heats
from fewshot_bench.explain.pointing import MEASURED, pointing, shares
from fewshot_bench.files import write_atomically
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import condition_label
from fewshot_bench.leaderboard.compare import MARGIN, differences
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.optional import require
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.plan import Cell, Plan, make_plan
from fewshot_bench.protocols.episode import NO_QUERY
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

if TYPE_CHECKING:
    from fewshot_bench.report.figure import Picture

__all__ = ["Drawn", "can_plot", "explain", "map_features", "plot", "samples"]

PLOTS, POINTING = "plots", "pointing.csv"
ASKED = ["dataset", "protocol", "test_classes", "preset", "ways", "shots", "train_size"]


def can_plot(who: str) -> None:
    """Raise `UserError` where what `who` draws with is not installed."""
    require(who, "matplotlib", "plots")


def plot(
    out: Path | str = "results",
    reference: str | None = None,
    margin: float = MARGIN,
    baselines: Sequence[str] | None = None,
) -> list[Path]:
    """Draw what lies below `out`, of some baselines; the paths of the files.

    reference: a baseline that the others are held against in a picture of differences; margin: a fraction.
    Raises `UserError` where matplotlib is not installed, or there is nothing to draw.
    """
    can_plot("bench plot")
    from fewshot_bench.report import plots

    records = ResultsFolder(out, write=False)
    answers = records.answers(baselines)
    if not answers:
        raise UserError(f"--out {out} holds no answer to draw; run bench run --out {out} first")
    others = [
        r
        for r in records
        if r.status != "ok" and (baselines is None or r.baseline["name"] in baselines)
    ]
    return _written(
        records.out,
        plots.drawn(
            tables.leaderboard(answers, others),
            confusion=tables.confusion(answers),
            episodes=tables.episode_accuracies(answers),
            timings=tables.timings(answer.record for answer in answers),
            losses=tables.losses(answer.record for answer in answers),
            differences=None
            if reference is None
            else differences(rows_of(answers), reference, margin),
        ),
    )


@dataclass(frozen=True, eq=False)
class Drawn:
    """What `explain` or `map_features` gave: the files; a line for each baseline that failed; and of `explain` a row a
    baseline, with how much of its heat lies in annotated boxes.
    """

    files: list[Path]
    failed: list[str]
    table: pd.DataFrame = field(default_factory=pd.DataFrame)


def explain(
    request: Request,
    out: Path | str = "results",
    *,
    images: int = 6,
    stage: int = 1,
    reference: str | None = None,
    plugins: Sequence[Path | str] = (),
    notify: Notify = lambda progress: None,
) -> Drawn:
    """Draw Grad-CAM heat maps of the same test images for all baselines of `request`, at its most shots or train images.

    Where the data set has boxes, all test images are explained and `pointing.csv` says how much of the heat lies in them.
    What has not been trained yet is, as by `run`. images: to be drawn; stage: of the encoder, counted from the last
    convolutional one; reference: a baseline to hold the others against.

    Raises `UserError` where captum is not installed, for what cannot be run, and where no baseline has a heat map.
    """
    can_plot("bench explain")
    require("bench explain", "captum", "explain")
    for option, value in (("--images", images), ("--stage", stage)):
        if value < 1:
            raise UserError(f"{option} {value} is out of bounds (allowed: 1 or more)")
    from fewshot_bench.report import gallery

    plan, records = make_plan(request, Registry(plugins)), ResultsFolder(out)
    names, data = list(dict.fromkeys(training.name for training in plan.trainings)), plan.data
    if reference is not None and reference not in names:
        raise unknown("reference", reference, names)
    rows, figures, failed = [], [], []
    for number, asked in enumerate(_asked_most(plan, records, notify)):
        about, drawn = _about(asked[0][1]), dict[str, list[Heat]]()
        found: dict[str, dict[int, pd.DataFrame]] = {}
        told: dict[str, dict[str, object]] = {name: {} for name in names}
        failed += [record.told for _, record in asked if record.failed]
        for cell, record in asked:
            name, most = cell.training.name, None if data.boxes else images
            try:
                maps = _heats(plan, cell, record, records, notify, stage=stage, most=most)
            except NotApplicable as error:
                told[name]["note"] = str(error)
            except Broken as error:
                told[name]["note"] = str(error)
                failed.append(f"{name}: no heat map: {error}")
            else:
                told[name] |= {"stage": stage, "places": "{} x {}".format(*maps[0].places)}
                drawn.setdefault(name, maps[:images])
                if data.boxes:
                    found.setdefault(name, {})[cell.training.seed] = shares(maps, data.boxes)
        measured = {
            str(row["baseline"]): row
            for row in pointing(found, data.labels, reference).to_dict("records")
        }
        rows += [
            {
                **about,
                "reference": reference,
                "baseline": name,
                **measured.get(name, {}),
                **told[name],
            }
            for name in names
        ]
        if drawn:
            title = (
                f"{_title(about)}: what encoders look at (Grad-CAM, stage {stage} from the last)"
            )
            figures.append(
                gallery.heat_maps(data, drawn, title=title, name=_name("heat", about, number))
            )
    whole = dict.fromkeys(("stage", "images", "trainings", "without_heat"), "Int64")
    columns = [*ASKED, "baseline", "stage", "places", *MEASURED, "reference", "note"]
    frame = pd.DataFrame(rows, columns=columns).astype(whole)
    if not figures:
        raise UserError(
            f"none of {', '.join(names)} has a heat map ({frame['note'].iloc[0]}); name one with an encoder"
        )
    files = _written(records.out, figures)
    if data.boxes:
        text = tables.text(frame).encode()
        write_atomically(records.out / POINTING, lambda file: file.write(text))
        files.append(records.out / POINTING)
    return Drawn(files, failed, frame)


class Broken(Exception):
    """What a baseline did wrong, in a line."""


def _heats(
    plan: Plan,
    cell: Cell,
    record: Record,
    records: ResultsFolder,
    notify: Notify,
    *,
    stage: int,
    most: int | None,
) -> list[Heat]:
    """The heat maps of one training; raises `NotApplicable` where it can have none, `Broken` where it should have."""
    if record.status != "ok":
        raise NotApplicable(record.told)
    try:
        return heats(
            fitted_baseline(plan, cell, records, notify), cell.question, stage=stage, most=most
        )
    except NotApplicable:
        raise
    except PLUGIN_ERRORS as error:
        raise Broken(" ".join(f"{type(error).__name__}: {error}".split())) from error


def map_features(
    request: Request,
    out: Path | str = "results",
    *,
    method: str = "pca",
    plugins: Sequence[Path | str] = (),
    notify: Notify = lambda progress: None,
) -> Drawn:
    """Draw the features of the test images in two dimensions, a panel a baseline of `request`, of its first training.

    method: pca, or tsne and umap where scikit-learn and umap-learn are installed. What has not been trained yet is, as by
    `run`. Raises `UserError` for what cannot be run, and where no baseline has features.
    """
    can_plot("bench map")
    from fewshot_bench.report import gallery

    gallery.check_method(method)
    plan, records = (
        make_plan(dataclasses.replace(request, seeds=None), Registry(plugins)),
        ResultsFolder(out),
    )
    figures, failed = [], []
    for number, asked in enumerate(_asked_most(plan, records, notify)):
        found = []
        test_M = gallery.some(_queries(asked[0][0].question))
        for cell, record in asked:
            kind = cell.training.kind
            if record.status == "ok" and episode_rule(kind) != "predict":
                fitted = fitted_baseline(plan, cell, records, notify)
                order = fitted.test.argsort()
                features_MD = fitted.embeddings_MD.cpu().numpy()[
                    order[np.searchsorted(fitted.test, test_M, sorter=order)]
                ]
                found.append(
                    gallery.Features(cell.training.name, features_MD, kind.rule == "mean_cosine")
                )
        failed += [record.told for _, record in asked if record.failed]
        if found:
            about = _about(asked[0][1])
            title = f"{_title(about)}: features of the test images, {gallery.METHODS[method]}"
            name = _name(f"map-{method}", about, number)
            figures.append(
                gallery.feature_map(plan.data, test_M, found, method=method, title=title, name=name)
            )
    if not figures:
        raise UserError("none of these baselines has features to draw; name one with an encoder")
    return Drawn(_written(records.out, figures), failed)


def _queries(question: EpisodeSet) -> npt.NDArray[np.int64]:
    """Indices of the test images: of a run those that are asked about, not its references."""
    if question.is_classification:
        query = question.source.draw(question.first, question.first + 1).query_TNQ
        return np.unique(query[query != NO_QUERY])
    return np.sort(
        np.concatenate([np.arange(first, first + count) for first, count in question.pool])
    )


def samples(data: LabelledImages, out: Path | str = "results") -> list[Path]:
    """Draw some images of each class; the paths of the files."""
    can_plot("--show")
    from fewshot_bench.report import gallery

    return _written(Path(out), [gallery.samples(data)])


def _asked_most(
    plan: Plan, records: ResultsFolder, notify: Notify
) -> list[list[tuple[Cell, Record]]]:
    """For each choice of test classes what asks with the most shots or train images, of runs the first; run, if it was not
    yet, with its record. Nothing else is trained.
    """
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in plan.cells:
        if cell.question.first == 0:
            groups.setdefault(cell.question.protocol.test_classes, []).append(cell)
    most = {
        classes: max(cell.question.condition for cell in group) for classes, group in groups.items()
    }
    kept = [
        [cell for cell in group if cell.question.condition == most[classes]]
        for classes, group in groups.items()
    ]
    plan = dataclasses.replace(
        plan, trainings={cell.training: [cell] for group in kept for cell in group}
    )
    record = dict(zip(plan.cells, execute(plan, records, fresh=False, notify=notify), strict=True))
    return [[(cell, record[cell]) for cell in group] for group in kept]


def _about(record: Record) -> dict[Hashable, object]:
    described = tables.described(record)
    return {name: described[name] for name in ASKED}


def _title(about: Mapping[Hashable, object]) -> str:
    return f"{about['dataset']}, {about['protocol']}, {condition_label(about)}"


def _name(what: str, about: Mapping[Hashable, object], number: int) -> str:
    from fewshot_bench.report.figure import stem

    return f"{what}-{stem(str(about['protocol']))}" + (f"-{number}" if number else "")


def _written(out: Path, pictures: Iterable[Picture]) -> list[Path]:
    from fewshot_bench.report.figure import files_of

    written = []
    for picture in pictures:
        for name, content in files_of(picture).items():
            write_atomically(out / PLOTS / name, lambda file, content=content: file.write(content))  # type: ignore[misc]
            written.append(out / PLOTS / name)
    return written
