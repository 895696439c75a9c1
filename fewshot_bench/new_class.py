"""With a new class at hand: which method, what are these pictures, and all of it as files."""

from __future__ import annotations

import dataclasses
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
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["export", "predict", "recommend"]


def recommend(
    data: Path | str | None = None,
    out: Path | str = "results",
    *,
    minutes: float = 5,
    train: bool = False,
    request: Request | None = None,
    plugins: Sequence[Path | str] = (),
    notify: OnProgress = lambda progress: None,
) -> Recommendation:
    """Which method to use for a new class, by leaving the classes of `data` out.

    data: a folder or archive of known classes; minutes: that it may take, more or less; train: ask
    methods that train too; request: further options, such as shots, views, encoder or how the data
    is read. Records, `recommendation.md` and `recommendation.json` go to the folder `out`; its
    leaderboard is left to `leaderboard`, which takes as long again.

    Raises `UserError` for data that allows no recommendation.
    """
    asked = Request() if request is None else request
    if data is not None:
        asked = dataclasses.replace(asked, data=Path(data))
    return advice.recommend(
        asked, out, minutes=minutes, train=train, plugins=plugins, on_progress=notify
    )


def predict(
    pictures: Sequence[Path | str] | Path | str,
    known: Path | str | None = None,
    new: Path | str | None = None,
    *,
    notify: OnProgress = lambda progress: None,
    plugins: Sequence[Path | str] = (),
    **choices: Any,
) -> Prediction:
    """Decide about unlabelled pictures: files, folders or an archive.

    known: folder or archive with all pictures of the known classes, one folder a class; new: with a
    few of each new class; choices: `method`, `recommendation`, `request` and `out` of `Question`.

    Raises `UserError` for what cannot be read or decided.
    """
    question = Question(known=known, new=new, **choices)
    paths = [pictures] if isinstance(pictures, (str, Path)) else list(pictures)
    with classifier(question, Registry(plugins), notify) as made:
        return predicted(made, paths)


def export(
    folder: Path | str,
    known: Path | str | None = None,
    new: Path | str | None = None,
    *,
    notify: OnProgress = lambda progress: None,
    plugins: Sequence[Path | str] = (),
    **choices: Any,
) -> list[Path]:
    """Write what `predict` decides by to a folder, to be run without this package: the files.

    known, new, choices: as `predict` takes them. Raises `UserError` where the extra `export` is not
    installed, and for a method that cannot be written as a network and a few arrays.
    """
    can_export()
    question = Question(known=known, new=new, **choices)
    with classifier(question, Registry(plugins), notify) as made:
        return exported(made, user_path(folder))
