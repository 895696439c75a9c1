"""Episodes answered all at once: pairwise scores of the test images, gathered by index.

Shapes: M test images, D features, T episodes, N ways, K shots, Q queries a class. Query positions below 0 are padding;
what is predicted for them means nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["cosine_MM", "from_embeddings", "from_pairs", "pays", "predict_each", "prototype_MM"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GATHER = 16_000_000  # scores gathered at once: 64 MB of float32
LARGEST_MATRIX = 8192  # test images up to which the pairwise matrix is made: 256 MB of float32


def pays(images: int) -> bool:
    """Whether the pairwise matrix of so many test images fits the memory it may take."""
    return images <= LARGEST_MATRIX


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


def from_pairs(pairs_MM: Floats, support_TNK: Ints, query_TNQ: Ints, *, prototype: bool = False) -> Ints:
    """Way predicted for each query, (T, N, Q): the highest mean score pairs[q, s] over the K references of a way.

    prototype: pairs are dot products and the nearest class mean wins, by |q - c|^2 = G[q,q] - 2 mean_s G[q,s] +
    mean_ss' G[s,s'], of which G[q,q] is the same for every way.
    """
    ways, shots = support_TNK.shape[1:]

    def answer(support: Ints, query: Ints) -> Ints:
        queries = query.reshape(len(query), -1)
        scores = np.empty((*queries.shape, ways), dtype=np.float32)
        for way in range(ways):
            scores[:, :, way] = pairs_MM[queries[:, :, None], support[:, None, way]].mean(2)
        if prototype:
            own = pairs_MM[support[:, :, :, None], support[:, :, None, :]].mean((2, 3))
            scores -= own[:, None] / 2
        return np.asarray(scores.argmax(2).reshape(query.shape))

    return _in_blocks(answer, support_TNK, query_TNQ, query_TNQ[0].size * shots if len(query_TNQ) else 1)


def from_embeddings(embeddings_MD: Floats, support_TNK: Ints, query_TNQ: Ints, *, prototype: bool = False) -> Ints:
    """As `from_pairs`, from the features themselves: slower, but without a matrix of all pairs."""
    features = embeddings_MD - embeddings_MD.mean(0) if prototype else _unit(embeddings_MD)

    def answer(support: Ints, query: Ints) -> Ints:
        means = features[support].mean(2)
        queries = features[query.reshape(len(query), -1)]
        scores = queries @ means.transpose(0, 2, 1)
        if prototype:
            scores -= np.square(means).sum(2)[:, None] / 2
        return np.asarray(scores.argmax(2).reshape(query.shape))

    each = (query_TNQ[0].size + support_TNK[0].size) * features.shape[1] if len(query_TNQ) else 1
    return _in_blocks(answer, support_TNK, query_TNQ, each)


def predict_each(answer: Callable[[Ints, Ints], Floats], support_TNK: Ints, query_TNQ: Ints) -> Ints:
    """As `from_pairs`, one episode after another: `answer(support_NK, query_Q)` gives scores (Q, N)."""
    predicted = np.zeros(query_TNQ.shape, dtype=np.int64)
    for support, query, out in zip(support_TNK, query_TNQ, predicted, strict=True):
        asked = query >= 0
        out[asked] = answer(support, query[asked]).argmax(1)
    return predicted


def _in_blocks(answer: Callable[[Ints, Ints], Ints], support_TNK: Ints, query_TNQ: Ints, each: int) -> Ints:
    """`answer` over blocks of episodes; `each`: numbers that one episode gathers."""
    predicted = np.empty(query_TNQ.shape, dtype=np.int64)
    block = max(1, GATHER // each)
    for start in range(0, len(query_TNQ), block):
        part = slice(start, start + block)
        predicted[part] = answer(support_TNK[part], query_TNQ[part])
    return predicted
