"""Features of images of a split, as the rule of a cell takes them.

Shapes: M images, D features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from fewshot_bench.engine.features import Features
from fewshot_bench.engine.progress import OnProgress
from fewshot_bench.engine.threads import threads_set
from fewshot_bench.engine.work import fitted_baseline
from fewshot_bench.planning.plan import Cell, Plan
from fewshot_bench.records.folder import ResultsFolder

__all__ = ["image_features"]

Indices = npt.NDArray[np.integer[Any]]


def image_features(
    plan: Plan,
    cell: Cell,
    results: ResultsFolder,
    on_progress: OnProgress,
    images_M: Indices,
    *,
    by_rule: bool,
) -> npt.NDArray[np.float32]:
    """The features (M, D) of these images, as the rule of the cell transforms them, or before that.

    images_M: indices in the data set, all of train images of the split, or all of images that it
    embeds. Raises `KeyError` for others.
    """
    fitted = fitted_baseline(plan, cell, results, on_progress)
    features = Features(fitted)
    is_embedded = np.isin(images_M, fitted.embedded).all()
    held_M = fitted.embedded if is_embedded else cell.training.split.train
    with threads_set(plan.threads(cell.training)):
        if by_rule and cell.rule.plugin is not None:
            features_MD = _transformed(cell, features, is_embedded=bool(is_embedded))
        else:
            features_MD = features.embeddings_MD if is_embedded else features.train_embeddings_MD
    return _rows(features_MD, held_M, images_M)


def _transformed(cell: Cell, features: Features, *, is_embedded: bool) -> Tensor:
    of_rule = features.of_rule(cell.rule)
    if is_embedded:
        return of_rule.transformed_MD
    return of_rule.transformed(features.train_embeddings_MD)


def _rows(features_MD: Tensor, held_M: Indices, images_M: Indices) -> npt.NDArray[np.float32]:
    """The rows of these images among features of the images `held_M`."""
    row_of_image = {image: row for row, image in enumerate(held_M.tolist())}
    rows = [row_of_image[image] for image in images_M.tolist()]
    return np.asarray(features_MD.cpu().numpy()[rows], dtype=np.float32)
