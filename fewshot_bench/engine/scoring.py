"""Episodes answered in blocks: scores from pairwise values of the embedded images, gathered.

Shapes: M embedded images, D features, T episodes, N ways, K shots, Q queries of an episode, B
episodes of a block. Query positions below 0 are padding; what is predicted for them means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.errors import Diverged
from fewshot_bench.rule import Products

__all__ = [
    "LARGEST_MATRIX",
    "Answers",
    "Ints",
    "Score",
    "Ways",
    "from_features",
    "from_matrix",
    "in_blocks",
    "mean_score",
    "pays",
    "predict_each",
    "products_MM",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer[Any]]
Ways = npt.NDArray[np.uint8]
Score = Callable[[Products], Tensor]  # to scores (N, B, Q)

SCORES = 60_000  # gathered at once: with their indices they stay in the second-level cache
FEATURES = 16_000_000  # gathered at once: 64 MB
LARGEST_MATRIX = 8192  # images up to which the pairwise matrix is made: 256 MB of float32
GATHERED = 500  # pairwise products that take as long as gathering one vector, measured at D = 2048


class Answers(NamedTuple):
    """The way with the highest score of each query, and that score: (T, Q) each."""

    ways_TQ: Ways
    scores_TQ: Floats


def pays(images: int, vectors: int) -> bool:
    """Whether to make the pairwise matrix of M images in order to gather so many vectors."""
    return images <= LARGEST_MATRIX and images**2 <= GATHERED * vectors


def products_MM(features_MD: Floats) -> Floats:
    """Inner products of every two images."""
    return np.asarray(features_MD @ features_MD.T)


def mean_score(products: Products) -> Tensor:
    """The mean (N, B, Q) over the references of a class, for a matrix of pair scores."""
    means_NBQ: Tensor = products.query_NKBQ.mean(1)
    return means_NBQ


def from_matrix(score: Score, matrix_RM: Floats, support_TNK: Ints, query_TQ: Ints) -> Answers:
    """The highest score of each query and its way, the first of several equal ones.

    matrix_RM: of each reference (row) with each image (column), what `score` calls products.
    """
    flat = matrix_RM.ravel()
    width = matrix_RM.shape[1]

    def products(support_BNK: Ints, query_BQ: Ints) -> Products:
        support_NKB = support_BNK.transpose(1, 2, 0).astype(np.intp)
        rows_NKB1 = width * support_NKB[..., None]
        # a padded query has a negative position: wrapped, it reads a value that is not used
        of_queries = flat.take(rows_NKB1 + query_BQ.astype(np.intp), mode="wrap")

        def of_support() -> Tensor:
            rows_BNK11 = width * support_BNK[..., None, None].astype(np.intp)
            return torch.from_numpy(flat.take(rows_BNK11 + support_BNK[:, None, None]))

        def query_squares() -> Tensor:
            places_BQ = (width + 1) * query_BQ.astype(np.intp)  # of the diagonal
            return torch.from_numpy(flat.take(places_BQ, mode="wrap"))

        return Products(torch.from_numpy(of_queries), of_support, query_squares)

    def scores(support_BNK: Ints, query_BQ: Ints) -> Tensor:
        return score(products(support_BNK, query_BQ))

    values_per_episode = query_TQ[:1].size * support_TNK[:1].size
    return in_blocks(scores, support_TNK, query_TQ, SCORES // max(1, values_per_episode))


def from_features(score: Score, features_MD: Floats, support_TNK: Ints, query_TQ: Ints) -> Answers:
    """As `from_matrix`, from the features themselves: slower, but without a matrix of all pairs."""
    ways_and_shots = support_TNK.shape[1:]
    features = torch.from_numpy(features_MD)

    def products(support_BNK: Ints, query_BQ: Ints) -> Products:
        support_BSD = features[torch.from_numpy(support_BNK.reshape(len(support_BNK), -1))]
        queries_BQD = features[torch.from_numpy(query_BQ.astype(np.int64))]
        of_queries_BSQ = support_BSD @ queries_BQD.mT
        of_queries_BNKQ = of_queries_BSQ.unflatten(1, ways_and_shots)

        def of_support() -> Tensor:
            products_BSS = support_BSD @ support_BSD.mT
            by_column = products_BSS.unflatten(2, ways_and_shots)
            by_way: Tensor = by_column.unflatten(1, ways_and_shots)
            return by_way

        def query_squares() -> Tensor:
            squares_BQ: Tensor = queries_BQD.square().sum(2)
            return squares_BQ

        return Products(of_queries_BNKQ.permute(1, 2, 0, 3), of_support, query_squares)

    def scores(support_BNK: Ints, query_BQ: Ints) -> Tensor:
        return score(products(support_BNK, query_BQ))

    vectors_per_episode = query_TQ[:1].size + support_TNK[:1].size
    block = FEATURES // max(1, vectors_per_episode * features_MD.shape[1])
    return in_blocks(scores, support_TNK, query_TQ, block)


def predict_each(
    scores_QN: Callable[[Ints, Ints], Floats], support_TNK: Ints, query_TQ: Ints
) -> Answers:
    """As `from_matrix`, one episode after another: `scores_QN(support_NK, query_Q)`."""
    predicted_TQ = np.zeros(query_TQ.shape, dtype=np.uint8)
    highest_TQ = np.zeros(query_TQ.shape, dtype=np.float32)
    for episode, support_NK in enumerate(support_TNK):
        query_Q = query_TQ[episode]
        is_query_Q = query_Q >= 0
        scores = scores_QN(support_NK, query_Q[is_query_Q])
        predicted_TQ[episode][is_query_Q] = scores.argmax(1)
        highest_TQ[episode][is_query_Q] = scores.max(1)
    return Answers(predicted_TQ, highest_TQ)


def in_blocks(
    scores: Callable[[Ints, Ints], Tensor], support_TNK: Ints, query_TQ: Ints, block: int
) -> Answers:
    """Answer blocks of so many episodes, at least one: scores (N, B, Q) from their positions."""
    predicted_TQ = np.empty(query_TQ.shape, dtype=np.uint8)
    highest_TQ = np.empty(query_TQ.shape, dtype=np.float32)
    size = max(1, block)
    for start in range(0, len(query_TQ), size):
        part = slice(start, start + size)
        scores_NBQ = scores(support_TNK[part], query_TQ[part]).numpy()
        if not np.isfinite(scores_NBQ).all():
            raise Diverged(f"a score of a query is not finite, among episodes from {start} on")
        predicted_TQ[part], highest_TQ[part] = _first_highest(scores_NBQ)
    return Answers(predicted_TQ, highest_TQ)


def _first_highest(scores_NBQ: Floats) -> Answers:
    """The first way with the highest score: faster than argmax over few rows."""
    best_BQ = scores_NBQ[0].copy()
    winner_BQ = np.zeros(best_BQ.shape, dtype=np.uint8)
    for way, scores_BQ in enumerate(scores_NBQ[1:], start=1):
        winner_BQ[scores_BQ > best_BQ] = way
        np.maximum(best_BQ, scores_BQ, out=best_BQ)
    return Answers(winner_BQ, best_BQ)
