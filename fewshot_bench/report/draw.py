"""What the command line and notebooks call for pictures: files in `plots/`."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fewshot_bench.contract.answering import has_features
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.near_duplicates import near_duplicates
from fewshot_bench.engine.image_features import image_features
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.explain.study import (
    StudiedCells,
    cells_with_most_shots,
    heat_studies,
    table_of,
)
from fewshot_bench.files import user_path, write_atomically
from fewshot_bench.leaderboard import tables
from fewshot_bench.leaderboard.columns import condition_label
from fewshot_bench.leaderboard.compare import MARGIN, differences
from fewshot_bench.leaderboard.costs import costs, losses
from fewshot_bench.leaderboard.names import records_named, row_names, with_reference
from fewshot_bench.leaderboard.rows import rows_of
from fewshot_bench.leaderboard.write import write_table
from fewshot_bench.optional import import_matplotlib, require
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.paths import ResultPaths
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

if TYPE_CHECKING:
    from fewshot_bench.report.figure import Picture

__all__ = ["Drawn", "can_plot", "explain", "map_features", "plot", "samples", "write_pictures"]


PNG_AND_SVG = ("png", "svg")


@dataclass(frozen=True, eq=False)
class Drawn:
    """What `explain` or `map_features` gave.

    files: what was written; failed: a line for each baseline that failed; table: of `explain`,
    a row a baseline with how much of its heat lies in annotated boxes.
    """

    files: list[Path]
    failed: list[str]
    table: pd.DataFrame = field(default_factory=pd.DataFrame)


def can_plot(who: str) -> None:
    """Raise `UserError` where the library that `who` draws with is not installed."""
    require(who, "matplotlib", "plots")
    import_matplotlib()


def plot(
    out: Path | str = "results",
    reference: str | None = None,
    margin: float = MARGIN,
    baselines: Sequence[str] | None = None,
    formats: Sequence[str] = PNG_AND_SVG,
) -> list[Path]:
    """Draw the results below `out`, of some baselines or all; the paths of the files.

    reference: a baseline to compare the others with, in a picture of differences;
    margin: differences up to so many percentage points count as equivalent; formats: png, svg and
    pdf. Raises `UserError` where matplotlib is not installed, a format is unknown, or there is
    nothing to draw.
    """
    can_plot("bench plot")
    from fewshot_bench.report import figure, plots

    for form in formats:
        if form not in figure.FORMATS:
            allowed = ", ".join(figure.FORMATS)
            raise UserError(f"--format {form!r} is unknown (allowed: {allowed})")
    results = ResultsFolder(out, write=False)
    every = list(results)
    names = row_names(every)
    records = records_named(baselines, every, names)
    predictions = results.predictions(records)
    if not predictions:
        raise UserError(f"--out {out} holds no result to draw; run bench run --out {out} first")
    without_result = [record for record in records if record.status != "ok"]
    compared = None
    if reference is not None:
        held = results.predictions(with_reference(records, reference, every, names))
        compared = differences(rows_of(held, names), reference, margin)
    answered = [one.record for one in predictions]
    pictures = plots.drawn(
        tables.leaderboard(predictions, without_result, names),
        confusion=tables.confusion(predictions, names),
        episodes=tables.episode_accuracies(predictions, names),
        costs=costs(answered),
        losses=losses(answered, names),
        differences=compared,
    )
    return write_pictures(pictures, results.paths, formats)


def explain(
    request: Request,
    out: Path | str = "results",
    *,
    images: int = 6,
    stage: int = 1,
    reference: str | None = None,
    plugins: Sequence[Path | str] = (),
    notify: OnProgress = lambda progress: None,
) -> Drawn:
    """Draw Grad-CAM heat maps of the same test images for all baselines of `request`.

    The maps are of the most shots or train images that are requested. Baselines that are not
    trained yet are trained first, as by `run`. Where the data set has boxes, all test images are
    explained, and `pointing.csv` says how much of the heat lies in them.
    images: how many to draw; stage: of the encoder, the last convolutional one is 1;
    reference: a baseline to compare the others with.

    Raises `UserError` where captum is not installed, for what cannot be run, and where no
    baseline has a heat map.
    """
    can_plot("bench explain")
    require("bench explain", "captum", "explain")
    _check_positive("--images", images)
    _check_positive("--stage", stage)
    _refuse_further_queries(request, "bench explain")
    from fewshot_bench.report import gallery

    plan = make_plan(request, Registry(plugins))
    protocol = plan.cells[0].episode_set.protocol
    if isinstance(protocol, Pairs):
        raise UserError(
            f"{protocol.name} asks about pairs, and bench explain draws what a choice between "
            "classes looks at; name a protocol with episodes"
        )
    results = ResultsFolder(out)
    names = plan.baselines
    if reference is not None and reference not in names:
        raise unknown("reference", reference, names)
    studies = heat_studies(plan, results, notify, images=images, stage=stage, reference=reference)
    pictures = []
    failed = []
    for number, study in enumerate(studies):
        failed += study.failed
        if study.heats:
            what = f"what encoders look at (Grad-CAM, stage {stage} from the last)"
            title = _title(study.studied, what)
            name = _file_name("heat", study.studied, number)
            pictures.append(gallery.heat_maps(plan.data, study.heats, title=title, name=name))
    table = table_of(studies)
    if not pictures:
        raise UserError(
            f"none of {', '.join(names)} has a heat map ({table['note'].iloc[0]}); "
            "name one with an encoder"
        )
    files = write_pictures(pictures, results.paths)
    if plan.data.boxes:
        write_table(results.paths.pointing, table)
        files.append(results.paths.pointing)
    return Drawn(files, failed, table)


def _refuse_further_queries(request: Request, command: str) -> None:
    """Raise `UserError` where episodes have queries of other classes than the ways."""
    options = {"--known": request.known, "--open-set": request.open_set}
    for option, value in options.items():
        if value:
            raise UserError(f"{option} is not for {command}, which draws new classes; leave it out")


def _check_positive(option: str, value: int) -> None:
    if value < 1:
        raise UserError(f"{option} {value} is out of bounds (allowed: 1 or more)")


def map_features(
    request: Request,
    out: Path | str = "results",
    *,
    method: str = "pca",
    plugins: Sequence[Path | str] = (),
    notify: OnProgress = lambda progress: None,
) -> Drawn:
    """Draw the features of the test images in two dimensions, a panel a baseline of `request`.

    The features are of a baseline's first training. Baselines that are not trained yet are
    trained first, as by `run`.
    method: pca, or tsne and umap where scikit-learn and umap-learn are installed.

    Raises `UserError` for what cannot be run, and where no baseline has features.
    """
    can_plot("bench map")
    _refuse_further_queries(request, "bench map")
    from fewshot_bench.report import gallery

    gallery.check_method(method)
    one_training_each = dataclasses.replace(request, seeds=None)
    plan = make_plan(one_training_each, Registry(plugins))
    results = ResultsFolder(out)
    pictures = []
    failed = []
    for number, studied in enumerate(cells_with_most_shots(plan, results, notify)):
        failed += studied.failed
        first_cell, _ = studied.cells[0]
        test_M = gallery.some(first_cell.episode_set.test_images)
        features = []
        for cell, record in studied.cells:
            if record.status == "ok" and has_features(cell.training.baseline_class):
                features_MD = image_features(plan, cell, results, notify, test_M, by_rule=True)
                features.append(gallery.Features(cell.name, features_MD))
        if features:
            what = f"features of the test images, {gallery.METHODS[method]}"
            picture = gallery.feature_map(
                plan.data,
                test_M,
                features,
                method=method,
                title=_title(studied, what),
                name=_file_name(f"map-{method}", studied, number),
            )
            pictures.append(picture)
    if not pictures:
        raise UserError("none of these baselines has features to draw; name one with an encoder")
    return Drawn(write_pictures(pictures, results.paths), failed)


def samples(data: LabelledImages, out: Path | str = "results") -> list[Path]:
    """Draw some images of each class, and pairs of near-duplicates; the paths of the files."""
    can_plot("--show")
    from fewshot_bench.report import gallery

    pictures = [gallery.samples(data)]
    found = near_duplicates(data)
    if len(found.pairs):
        pictures.append(gallery.near_duplicates(data, found))
    return write_pictures(pictures, ResultPaths(user_path(out)))


def _title(studied: StudiedCells, what: str) -> str:
    question: Mapping[Hashable, Any] = studied.question
    parts = [question["dataset"], question["protocol"], condition_label(question)]
    if studied.differs:
        parts.append(studied.differs)
    return f"{', '.join(parts)}: {what}"


def _file_name(what: str, studied: StudiedCells, number: int) -> str:
    """number: of the picture among those of its protocol."""
    from fewshot_bench.report.figure import stem

    name = f"{what}-{stem(studied.question['protocol'])}"
    return f"{name}-{number}" if number else name


def write_pictures(
    pictures: Iterable[Picture], paths: ResultPaths, formats: Sequence[str] = PNG_AND_SVG
) -> list[Path]:
    """Write the files of pictures, one picture after another; their paths."""
    from fewshot_bench.report.figure import files_of

    written = []
    for picture in pictures:
        for name, content in files_of(picture, formats).items():
            _write_file(paths.plots / name, content)
            written.append(paths.plots / name)
    return written


def _write_file(path: Path, content: bytes) -> None:
    write_atomically(path, lambda file: file.write(content))
