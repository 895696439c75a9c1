"""Episodes answered all at once: pairwise scores of the embedded images, gathered by index.

Shapes: M embedded images, D features, T episodes, N ways, K shots, Q queries a class, B episodes of
a block. Query positions below 0 are padding; what is predicted for them means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "LARGEST_MATRIX",
    "Ints",
    "Ways",
    "cosine_MM",
    "from_embeddings",
    "from_pairs",
    "pays",
    "predict_each",
    "prototype_MM",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer[Any]]
Ways = npt.NDArray[np.uint8]

SCORES = 30_000  # gathered at once: with their indices they stay in the second-level cache
FEATURES = 16_000_000  # gathered at once: 64 MB
LARGEST_MATRIX = 8192  # images up to which the pairwise matrix is made: 256 MB of float32
GATHERED = 500  # pairwise products that take as long as gathering one vector, measured at D = 2048


def pays(images: int, vectors: int) -> bool:
    """Whether to make the pairwise matrix of M images in order to gather so many vectors."""
    return images <= LARGEST_MATRIX and images**2 <= GATHERED * vectors


def cosine_MM(embeddings_MD: Floats) -> Floats:
    """Cosine similarity of every two images; the similarity of a zero vector is 0."""
    unit_MD = _unit(embeddings_MD)
    return np.asarray(unit_MD @ unit_MD.T)


def prototype_MM(embeddings_MD: Floats) -> Floats:
    """Dot products of every two centred embeddings, for `from_pairs` with `prototype=True`."""
    centred_MD = _centred(embeddings_MD)
    return np.asarray(centred_MD @ centred_MD.T)


def _centred(embeddings_MD: Floats) -> Floats:
    return np.asarray(embeddings_MD - embeddings_MD.mean(0))


def _unit(embeddings_MD: Floats) -> Floats:
    norm_M1 = np.linalg.norm(embeddings_MD, axis=-1, keepdims=True)
    smallest = np.finfo(np.float32).tiny
    return np.asarray(embeddings_MD / np.maximum(norm_M1, smallest), dtype=np.float32)


def from_pairs(
    pairs_MM: Floats, support_TNK: Ints, query_TNQ: Ints, *, prototype: bool = False
) -> Ways:
    """The way predicted for each query, (T, N, Q).

    It is the way with the highest mean score pairs[reference, query] over its K references, and the
    first of several equal ones. prototype: pairs are dot products and the nearest class mean wins,
    by |q - c|^2 = G[q,q] - 2 mean_s G[s,q] + mean_ss' G[s,s']. G[q,q] is the same for every way.
    """
    flat = pairs_MM.ravel()
    size = len(pairs_MM)
    ways, shots = support_TNK.shape[1:]

    def answer_block(support_BNK: Ints, query_BNQ: Ints) -> Ways:
        support_NKB = support_BNK.transpose(1, 2, 0).astype(np.intp)
        rows_NKB1 = size * support_NKB[..., None]
        query_BQ = query_BNQ.reshape(len(query_BNQ), -1).astype(np.intp)
        best_BQ = np.full(query_BQ.shape, -np.inf, dtype=np.float32)
        winner_BQ = np.zeros(query_BQ.shape, dtype=np.uint8)
        for way in range(ways):
            # a padded query has a negative position: wrapped, it reads a score that is not used
            scores_BQ = flat.take(rows_NKB1[way] + query_BQ, mode="wrap").sum(0)
            if prototype:
                rows_K1B = rows_NKB1[way, :, None, :, 0]
                own_B = flat.take(rows_K1B + support_NKB[way]).sum((0, 1))
                scores_BQ -= own_B[:, None] / (2 * shots)
            winner_BQ[scores_BQ > best_BQ] = way
            np.maximum(best_BQ, scores_BQ, out=best_BQ)
        return winner_BQ.reshape(query_BNQ.shape)

    scores_per_episode = query_TNQ[:1].size * shots
    block = SCORES // max(1, scores_per_episode)
    return _in_blocks(answer_block, support_TNK, query_TNQ, block)


def from_embeddings(
    embeddings_MD: Floats, support_TNK: Ints, query_TNQ: Ints, *, prototype: bool = False
) -> Ways:
    """As `from_pairs`, from the features themselves: slower, but without a matrix of all pairs."""
    features_MD = _centred(embeddings_MD) if prototype else _unit(embeddings_MD)

    def answer_block(support_BNK: Ints, query_BNQ: Ints) -> Ways:
        means_BND = features_MD[support_BNK].mean(2)
        query_BQ = query_BNQ.reshape(len(query_BNQ), -1)
        scores_BQN = features_MD[query_BQ] @ means_BND.transpose(0, 2, 1)
        if prototype:
            squares_BN = np.square(means_BND).sum(2)
            scores_BQN -= squares_BN[:, None] / 2
        winner_BQ = np.asarray(scores_BQN.argmax(2), dtype=np.uint8)
        return winner_BQ.reshape(query_BNQ.shape)

    vectors_per_episode = query_TNQ[:1].size + support_TNK[:1].size
    block = FEATURES // max(1, vectors_per_episode * features_MD.shape[1])
    return _in_blocks(answer_block, support_TNK, query_TNQ, block)


def predict_each(
    scores_QN: Callable[[Ints, Ints], Floats], support_TNK: Ints, query_TNQ: Ints
) -> Ways:
    """As `from_pairs`, one episode after another: `scores_QN(support_NK, query_Q)`."""
    predicted_TNQ = np.zeros(query_TNQ.shape, dtype=np.uint8)
    for episode, support_NK in enumerate(support_TNK):
        query_NQ = query_TNQ[episode]
        is_query = query_NQ >= 0
        scores = scores_QN(support_NK, query_NQ[is_query])
        predicted_TNQ[episode][is_query] = scores.argmax(1)
    return predicted_TNQ


def _in_blocks(
    answer_block: Callable[[Ints, Ints], Ways], support_TNK: Ints, query_TNQ: Ints, block: int
) -> Ways:
    """Answer blocks of so many episodes, at least one."""
    predicted_TNQ = np.empty(query_TNQ.shape, dtype=np.uint8)
    size = max(1, block)
    for start in range(0, len(query_TNQ), size):
        part = slice(start, start + size)
        predicted_TNQ[part] = answer_block(support_TNK[part], query_TNQ[part])
    return predicted_TNQ
