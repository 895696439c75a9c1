"""What the command line and notebooks call for pictures: figures as PNG and SVG files in `plots/` below the results."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from fewshot_bench import tables
from fewshot_bench.baseline import capability
from fewshot_bench.differences import MARGIN, differences
from fewshot_bench.entry import entries
from fewshot_bench.errors import NotApplicable, UserError, unknown
from fewshot_bench.files import write_atomically
from fewshot_bench.heat import Heat, heats
from fewshot_bench.labelled import LabelledImages
from fewshot_bench.optional import require
from fewshot_bench.plan import Cell, Plan, make_plan
from fewshot_bench.pointing import MEASURED, pointing
from fewshot_bench.record import Record
from fewshot_bench.records import Records
from fewshot_bench.registry import Registry
from fewshot_bench.request import Request
from fewshot_bench.runner import Notify, execute, fitted_of

if TYPE_CHECKING:
    from fewshot_bench.show.plots import Picture

__all__ = ["Explained", "can_plot", "explain", "map_features", "plot", "samples"]

PLOTS, POINTING = "plots", "pointing.csv"
ASKED = ["dataset", "protocol", "test_classes", "preset", "ways", "shots", "train_size"]


def can_plot(who: str) -> None:
    """Raise `UserError` where what `who` draws with is not installed."""
    require(who, "matplotlib", "plots")


def plot(
    out: Path = Path("results"),
    reference: str | None = None,
    margin: float = MARGIN,
    baselines: Sequence[str] | None = None,
) -> list[Path]:
    """Draw what lies below `out`, of some baselines; the paths of the files.

    reference: a baseline that the others are held against in a picture of differences; margin: a fraction.
    Raises `UserError` where matplotlib is not installed, or there is nothing to draw.
    """
    can_plot("bench plot")
    from fewshot_bench.show import plots

    records = Records(out, write=False)
    answers = records.answers(baselines)
    if not answers:
        raise UserError(f"--out {out} holds no answer to draw; run bench run --out {out} first")
    others = [r for r in records if r.status != "ok" and (baselines is None or r.baseline["name"] in baselines)]
    return _written(
        out,
        plots.drawn(
            tables.leaderboard(answers, others),
            confusion=tables.confusion([answer for answer in answers if answer.record.train_size is None]),
            episodes=tables.episode_accuracies(answers),
            timings=tables.timings(answer.record for answer in answers),
            losses=tables.losses(answer.record for answer in answers),
            differences=None if reference is None else differences(entries(answers), reference, margin),
        ),
    )


@dataclass(frozen=True, eq=False)
class Explained:
    """What `explain` gave: a row a baseline with how much of its heat lies in annotated boxes, and the files."""

    table: pd.DataFrame
    files: list[Path]


def explain(
    request: Request,
    out: Path = Path("results"),
    *,
    images: int = 6,
    stage: int = 1,
    reference: str | None = None,
    plugins: Sequence[Path] = (),
    notify: Notify = lambda progress: None,
) -> Explained:
    """Draw Grad-CAM heat maps of the same test images for all baselines of `request`, at its most shots or train images.

    Where the data set has boxes, all test images are explained and `pointing.csv` says how much of the heat lies in them.
    What has not been trained yet is, as by `run`. images: to be drawn; stage: of the encoder, counted from the last
    convolutional one; reference: a baseline to hold the others against.

    Raises `UserError` where captum is not installed, for what cannot be run, and where no baseline has a heat map.
    """
    require("bench explain", "captum", "explain")
    if images < 1:
        raise UserError(f"--images {images} is out of bounds (allowed: 1 or more)")
    from fewshot_bench.show import gallery

    plan, records = make_plan(request, Registry(plugins)), Records(out)
    names, data = list(dict.fromkeys(training.name for training in plan.trainings)), plan.data
    if reference is not None and reference not in names:
        raise unknown("reference", reference, names)
    rows, figures = [], []
    for number, asked in enumerate(_asked_most(plan, execute(plan, records, fresh=False, notify=notify))):
        found: dict[str, list[list[Heat]]] = {}
        told: dict[str, dict[str, object]] = {name: {} for name in names}
        for cell, record in asked:
            name = cell.training.name
            try:
                if record.status != "ok":
                    raise NotApplicable(f"{record.status}: {record.reason}")
                fitted = fitted_of(plan, cell, records, notify)
                maps = heats(fitted, cell.question, stage=stage, most=None if data.boxes else images)
            except NotApplicable as error:
                told[name] = {"note": str(error)}
                continue
            found.setdefault(name, []).append(maps)
            told[name] = {"stage": stage, "places": "{} x {}".format(*maps[0].places)}
        about = _about(asked[0][1])
        measured = pointing(found, data.boxes, data.labels, reference) if data.boxes else pd.DataFrame({"baseline": []})
        by_name = {str(row["baseline"]): row for row in measured.to_dict("records")}
        rows += [{**about, "reference": reference, **by_name.get(name, {"baseline": name}), **told[name]} for name in names]
        if found:
            first = {name: trainings[0] for name, trainings in found.items()}
            title = f"{_title(about)}: what encoders look at (Grad-CAM, stage {stage} from the last)"
            figures.append(gallery.heat_maps(data, first, images=images, title=title, name=_name("heat", about, number)))
    frame = pd.DataFrame(rows, columns=[*ASKED, "baseline", "stage", "places", *MEASURED, "reference", "note"])
    if not figures:
        raise UserError(f"none of {', '.join(names)} has a heat map ({frame['note'].iloc[0]}); name one with an encoder")
    files = _written(out, figures)
    if data.boxes:
        text = tables.text(frame).encode()
        write_atomically(out / POINTING, lambda file: file.write(text))
        files.append(out / POINTING)
    return Explained(frame, files)


def map_features(
    request: Request,
    out: Path = Path("results"),
    *,
    method: str = "pca",
    plugins: Sequence[Path] = (),
    notify: Notify = lambda progress: None,
) -> list[Path]:
    """Draw the features of the test images in two dimensions, a panel a baseline of `request`; the paths of the files.

    method: pca, or tsne and umap where scikit-learn and umap-learn are installed. What has not been trained yet is, as by
    `run`. Raises `UserError` for what cannot be run, and where no baseline has features.
    """
    can_plot("bench map")
    from fewshot_bench.show import gallery

    gallery.check_method(method)
    plan, records = make_plan(request, Registry(plugins)), Records(out)
    figures = []
    for number, asked in enumerate(_asked_most(plan, execute(plan, records, fresh=False, notify=notify))):
        found, test = [], asked[0][0].training.split.asked
        for cell, record in asked:
            kind = cell.training.kind
            if record.status == "ok" and cell.training.seed == asked[0][0].training.seed and capability(kind) != "predict":
                features_MD = fitted_of(plan, cell, records, notify).embeddings_MD.cpu().numpy()
                found.append(gallery.Features(cell.training.name, features_MD, kind.rule == "mean_cosine"))
        if found:
            about = _about(asked[0][1])
            title = f"{_title(about)}: features of the test images, {gallery.METHODS[method]}"
            name = _name(f"map-{method}", about, number)
            figures.append(gallery.feature_map(plan.data, test, found, method=method, title=title, name=name))
    if not figures:
        raise UserError("none of these baselines has features to draw; name one with an encoder")
    return _written(out, figures)


def samples(data: LabelledImages, out: Path = Path("results")) -> list[Path]:
    """Draw some images of each class; the paths of the files."""
    can_plot("--show")
    from fewshot_bench.show import gallery

    return _written(out, [gallery.samples(data)])


def _asked_most(plan: Plan, found: Sequence[Record]) -> list[list[tuple[Cell, Record]]]:
    """For each choice of test classes what asks with the most shots or train images, of runs the first; and its record."""
    groups: dict[tuple[str, ...], list[tuple[Cell, Record]]] = {}
    for cell, record in zip(plan.cells, found, strict=True):
        if cell.question.first == 0:
            groups.setdefault(cell.question.protocol.test_classes, []).append((cell, record))
    most = {classes: max(cell.question.at for cell, _ in group) for classes, group in groups.items()}
    return [[pair for pair in group if pair[0].question.at == most[classes]] for classes, group in groups.items()]


def _about(record: Record) -> dict[Hashable, object]:
    described = tables.described(record)
    return {name: described[name] for name in ASKED}


def _title(about: Mapping[Hashable, object]) -> str:
    return f"{about['dataset']}, {about['protocol']}, {tables.column(about)}"


def _name(what: str, about: Mapping[Hashable, object], number: int) -> str:
    from fewshot_bench.show.plots import stem

    return f"{what}-{stem(str(about['protocol']))}" + (f"-{number}" if number else "")


def _written(out: Path, pictures: Iterable[Picture]) -> list[Path]:
    from fewshot_bench.show.plots import files_of

    written = []
    for picture in pictures:
        for name, content in files_of(picture).items():
            write_atomically(out / PLOTS / name, lambda file, content=content: file.write(content))  # type: ignore[misc]
            written.append(out / PLOTS / name)
    return written
