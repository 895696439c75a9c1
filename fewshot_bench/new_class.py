"""With a new class at hand: which method, what are these pictures, and all of it as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fewshot_bench.advice import recommend as advice
from fewshot_bench.advice.recommendation import Recommendation
from fewshot_bench.deploy.build import Question, classifier
from fewshot_bench.deploy.decide import Prediction, predicted
from fewshot_bench.deploy.export import can_export, exported
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.files import user_path
from fewshot_bench.progress_line import shown
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request, placed, requested

__all__ = ["export", "predict", "recommend"]


def recommend(
    data: Path | str | None = None,
    out: Path | str = "results",
    *,
    minutes: float = 5,
    train: bool = False,
    request: Request | None = None,
    plugins: Sequence[Path | str] = (),
    progress: bool = True,
    notify: OnProgress | None = None,
    **options: Any,
) -> Recommendation:
    """Which method to use for a new class, by leaving the classes of `data` out.

    data: a folder or archive of known classes, or the name of a data set; minutes: that it may
    take, more or less; train: ask methods that train too; request, options: fields of `Request`,
    such as `shots="1,5"`, views, encoder or how the data is read; progress: show a line on standard
    error; notify: called with each step, in the place of that line. Records, `recommendation.md`
    and `recommendation.json` go to the folder `out`; its leaderboard is left to `leaderboard`,
    which takes as long again.

    Raises `UserError` for data that allows no recommendation.
    """
    given = {} if data is None else placed(data)
    asked = requested(request, {**given, **options})
    with shown(notify, progress=progress) as on_progress:
        return advice.recommend(
            asked, out, minutes=minutes, train=train, plugins=plugins, on_progress=on_progress
        )


def predict(
    pictures: Sequence[Path | str] | Path | str,
    known: Path | str | None = None,
    new: Path | str | None = None,
    *,
    progress: bool = True,
    notify: OnProgress | None = None,
    plugins: Sequence[Path | str] = (),
    **choices: Any,
) -> Prediction:
    """Decide about unlabelled pictures: files, folders or an archive.

    known: folder or archive with all pictures of the known classes, one folder a class; new: with a
    few of each new class; choices: `method` (such as "frozen+ridge"), or `recommendation`, the file
    or folder of one, in its place; `request`, how data is read; `out`, the folder of results where
    a training is kept; progress: show a line on standard error; notify: called with each step, in
    the place of that line.

    Raises `UserError` for what cannot be read or decided.
    """
    question = Question(known=known, new=new, **choices)
    paths = [pictures] if isinstance(pictures, (str, Path)) else list(pictures)
    with (
        shown(notify, progress=progress) as on_progress,
        classifier(question, Registry(plugins), on_progress) as made,
    ):
        return predicted(made, paths)


def export(
    folder: Path | str,
    known: Path | str | None = None,
    new: Path | str | None = None,
    *,
    progress: bool = True,
    notify: OnProgress | None = None,
    plugins: Sequence[Path | str] = (),
    **choices: Any,
) -> list[Path]:
    """Write what `predict` decides by to a folder, to be run without this package: the files.

    known, new, progress, notify, choices: as `predict` takes them. Raises `UserError` where the
    extra `export` is not installed, and for a method that cannot be written as a network and a few
    arrays.
    """
    can_export()
    question = Question(known=known, new=new, **choices)
    with (
        shown(notify, progress=progress) as on_progress,
        classifier(question, Registry(plugins), on_progress) as made,
    ):
        return exported(made, user_path(folder))
