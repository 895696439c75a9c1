"""What one training answered in the episodes of a set.

Shapes: T episodes, A queries of an episode: of the ways, of known classes, without references.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DIFFERENT", "NO_CLASS", "NO_PREDICTION", "NO_RANK", "SAME", "Answered", "ranks_of"]

NO_PREDICTION = 255  # in the array of predicted classes: padding, where there is no query
NO_CLASS = 254  # a head found that a picture is of none of the classes, which is always wrong
NO_RANK = 0
SAME = 0  # in the place of a predicted class, of a pair that is taken for one class
DIFFERENT = 1  # of a pair that is taken for two


class Answered(NamedTuple):
    """The class predicted for each query, and the rank of its highest score in its episode.

    ranks_TA: from 1 on, the same for equal scores; `NO_RANK` at padding. None where no query is
    without references. Each pair of a pair protocol is an episode: predicted is whether it is taken
    for one class or two (`SAME`, `DIFFERENT`), and its rank is that among all pairs.
    """

    predicted_TA: npt.NDArray[np.uint8]
    ranks_TA: npt.NDArray[np.uint16] | None = None


def ranks_of(
    scores_TA: npt.NDArray[np.float32], is_query_TA: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint16]:
    """The rank of each score in its episode: 1 for the lowest, the same for equal ones.

    Raises `ValueError` for more than 65,535 queries in an episode.
    """
    most = np.iinfo(np.uint16).max
    if scores_TA.shape[1] > most:
        raise ValueError(f"{scores_TA.shape[1]} queries in an episode (allowed: {most})")
    padded_TA = np.where(is_query_TA, scores_TA, -np.inf)
    order_TA = padded_TA.argsort(axis=1)
    sorted_TA = np.take_along_axis(padded_TA, order_TA, axis=1)
    is_higher_TA = np.ones(sorted_TA.shape, dtype=bool)
    is_higher_TA[:, 1:] = sorted_TA[:, 1:] > sorted_TA[:, :-1]
    is_higher_TA[:, 0] = np.isfinite(sorted_TA[:, 0])
    sorted_ranks_TA = is_higher_TA.cumsum(axis=1)
    ranks_TA = np.empty(scores_TA.shape, dtype=np.uint16)
    np.put_along_axis(ranks_TA, order_TA, sorted_ranks_TA.astype(np.uint16), axis=1)
    return ranks_TA
