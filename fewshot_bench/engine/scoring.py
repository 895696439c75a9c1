"""Episodes answered all at once: pairwise scores of the test images, gathered by index.

Shapes: M test images, D features, T episodes, N ways, K shots, Q queries a class, B episodes of a block. Query positions
below 0 are padding; what is predicted for them means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cosine_MM", "from_embeddings", "from_pairs", "pays", "predict_each", "prototype_MM"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.integer[Any]]
Ways = npt.NDArray[np.uint8]

SCORES = 30_000  # gathered at once: with their indices they stay in the second-level cache
FEATURES = 16_000_000  # gathered at once: 64 MB
LARGEST_MATRIX = 8192  # test images up to which the pairwise matrix is made: 256 MB of float32
GATHERED = 500  # pairwise products that take as long as one gathered vector of features, measured at D = 2048


def pays(images: int, vectors: int) -> bool:
    """Whether the pairwise matrix of the test images is worth it, to answer queries and references of that number."""
    return images <= LARGEST_MATRIX and images**2 <= GATHERED * vectors


def cosine_MM(embeddings_MD: Floats) -> Floats:
    """Cosine similarity of every two images; that of a zero vector is 0."""
    unit = _unit(embeddings_MD)
    return np.asarray(unit @ unit.T)


def prototype_MM(embeddings_MD: Floats) -> Floats:
    """Dot products of every two centred embeddings, from which `from_pairs` with `prototype=True` has distances."""
    centred = embeddings_MD - embeddings_MD.mean(0)
    return np.asarray(centred @ centred.T)


def _unit(embeddings_MD: Floats) -> Floats:
    norm = np.linalg.norm(embeddings_MD, axis=-1, keepdims=True)
    return np.asarray(embeddings_MD / np.maximum(norm, np.finfo(np.float32).tiny), dtype=np.float32)


def from_pairs(
    pairs_MM: Floats, support_TNK: Ints, query_TNQ: Ints, *, prototype: bool = False
) -> Ways:
    """Way predicted for each query, (T, N, Q): the highest mean score pairs[reference, query] over the K references of a
    way, the first of them where several are equal.

    prototype: pairs are dot products and the nearest class mean wins, by |q - c|^2 = G[q,q] - 2 mean_s G[s,q] +
    mean_ss' G[s,s'], of which G[q,q] is the same for every way.
    """
    flat, size = pairs_MM.ravel(), len(pairs_MM)
    ways, shots = support_TNK.shape[1:]

    def answer(support: Ints, query: Ints) -> Ways:
        support_NKB = support.transpose(1, 2, 0).astype(np.intp)
        rows_NKB1 = size * support_NKB[..., None]
        queries_BQ = query.reshape(len(query), -1).astype(np.intp)
        best, winner = (
            np.full(queries_BQ.shape, -np.inf, dtype=np.float32),
            np.zeros(queries_BQ.shape, dtype=np.uint8),
        )
        for way in range(ways):
            scores = flat.take(rows_NKB1[way] + queries_BQ, mode="wrap").sum(0)
            if prototype:
                own = flat.take(rows_NKB1[way, :, None, :, 0] + support_NKB[way]).sum((0, 1))
                scores -= own[:, None] / (2 * shots)
            winner[scores > best] = way
            np.maximum(best, scores, out=best)
        return winner.reshape(query.shape)

    return _in_blocks(answer, support_TNK, query_TNQ, SCORES // max(1, query_TNQ[:1].size * shots))


def from_embeddings(
    embeddings_MD: Floats, support_TNK: Ints, query_TNQ: Ints, *, prototype: bool = False
) -> Ways:
    """As `from_pairs`, from the features themselves: slower, but without a matrix of all pairs."""
    features = embeddings_MD - embeddings_MD.mean(0) if prototype else _unit(embeddings_MD)

    def answer(support: Ints, query: Ints) -> Ways:
        means = features[support].mean(2)
        queries = features[query.reshape(len(query), -1)]
        scores = queries @ means.transpose(0, 2, 1)
        if prototype:
            scores -= np.square(means).sum(2)[:, None] / 2
        return np.asarray(scores.argmax(2), dtype=np.uint8).reshape(query.shape)

    each = (query_TNQ[:1].size + support_TNK[:1].size) * features.shape[1]
    return _in_blocks(answer, support_TNK, query_TNQ, FEATURES // max(1, each))


def predict_each(
    answer: Callable[[Ints, Ints], Floats], support_TNK: Ints, query_TNQ: Ints
) -> Ways:
    """As `from_pairs`, one episode after another: `answer(support_NK, query_Q)` gives scores (Q, N)."""
    predicted = np.zeros(query_TNQ.shape, dtype=np.uint8)
    for support, query, out in zip(support_TNK, query_TNQ, predicted, strict=True):
        asked = query >= 0
        out[asked] = answer(support, query[asked]).argmax(1)
    return predicted


def _in_blocks(
    answer: Callable[[Ints, Ints], Ways], support_TNK: Ints, query_TNQ: Ints, block: int
) -> Ways:
    """`answer` over blocks of so many episodes, at least one."""
    predicted = np.empty(query_TNQ.shape, dtype=np.uint8)
    for start in range(0, len(query_TNQ), max(1, block)):
        part = slice(start, start + max(1, block))
        predicted[part] = answer(support_TNK[part], query_TNQ[part])
    return predicted
