"""The batched scorer against a plain loop over queries, ways and references."""

import numpy as np
import pytest

from fewshot_bench.engine import scoring
from fewshot_bench.protocols.episode import DrawnEpisodes

POOL = ((0, 30), (30, 25), (55, 40), (95, 28))
RNG = np.random.default_rng(0)
FEATURES = (RNG.normal(size=(123, 16)) + 2).astype(np.float32)
FEATURES[np.arange(123), np.repeat(np.arange(4), [30, 25, 40, 28])] += 1


def cosine(query: np.ndarray, references: np.ndarray) -> float:
    return float(
        np.mean(
            [
                q @ query / np.linalg.norm(q) / np.linalg.norm(query)
                for q in references.astype(np.float64)
            ]
        )
    )


def prototype(query: np.ndarray, references: np.ndarray) -> float:
    return -float(np.square(query.astype(np.float64) - references.astype(np.float64).mean(0)).sum())


def head(query: np.ndarray, references: np.ndarray) -> float:
    return float(np.mean([-np.abs(query - q).sum() for q in references.astype(np.float64)]))


def loop(episodes, score) -> np.ndarray:
    predicted = np.zeros(episodes.query_TNQ.shape, dtype=np.int64)
    for t, n, q in np.ndindex(*predicted.shape):
        scores = [
            score(FEATURES[episodes.query_TNQ[t, n, q]], FEATURES[support])
            for support in episodes.support_TNK[t]
        ]
        predicted[t, n, q] = int(np.argmax(scores))
    return predicted


PAIRS = {
    "mean_cosine": (cosine, scoring.cosine_MM(FEATURES), False),
    "prototype": (prototype, scoring.prototype_MM(FEATURES), True),
    "pair": (head, -np.abs(FEATURES[:, None] - FEATURES).sum(2), False),
}


@pytest.mark.parametrize("queries", [4, None])
@pytest.mark.parametrize("rule", PAIRS)
def test_pairwise_gathers_equal_a_plain_loop(rule: str, queries: int | None):
    score, pairs, is_prototype = PAIRS[rule]
    episodes = DrawnEpisodes(POOL, 3, 3, queries, "x").draw(0, 20)
    predicted = scoring.from_pairs(
        pairs, episodes.support_TNK, episodes.query_TNQ, prototype=is_prototype
    )
    asked = episodes.is_query_TNQ
    assert (predicted == loop(episodes, score))[asked].all()
    assert (
        0.4 < (predicted == np.arange(3)[:, None])[asked].mean() < 0.99
    )  # neither chance nor a given


@pytest.mark.parametrize("is_prototype", [False, True])
def test_without_a_matrix_of_pairs_the_answers_are_the_same(is_prototype: bool):
    episodes = DrawnEpisodes(POOL, 4, 5, None, "x").draw(0, 50)
    matrix = scoring.prototype_MM if is_prototype else scoring.cosine_MM
    asked = (episodes.support_TNK, episodes.query_TNQ)
    fast = scoring.from_pairs(matrix(FEATURES), *asked, prototype=is_prototype)
    slow = scoring.from_embeddings(FEATURES, *asked, prototype=is_prototype)
    assert (fast == slow)[episodes.is_query_TNQ].all()


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch):
    episodes = DrawnEpisodes(POOL, 3, 3, 5, "x").draw(0, 40)
    whole = scoring.from_pairs(PAIRS["pair"][1], episodes.support_TNK, episodes.query_TNQ)
    monkeypatch.setattr(scoring, "SCORES", 500)
    assert np.array_equal(
        whole, scoring.from_pairs(PAIRS["pair"][1], episodes.support_TNK, episodes.query_TNQ)
    )


def test_one_shot_accuracy_equals_its_exact_expectation():
    """With one reference a class, the expected accuracy over all episodes is a sum over queries and true references.

    A query is answered rightly when its true reference scores higher than every other class's reference: for two ways,
    that is the share of pairs (true, other) in the right order.
    """
    pairs = PAIRS["mean_cosine"][1]
    pool = ((0, 30), (30, 25))
    expected = []
    for (first, count), (other, others) in (pool, pool[::-1]):
        for query in range(first, first + count):
            true = np.delete(pairs[query, first : first + count], query - first)
            expected.append((true[:, None] > pairs[query, other : other + others]).mean() / count)
    exact = sum(expected) / 2
    episodes = DrawnEpisodes(pool, 2, 1, None, "x").draw(0, 20_000)
    right = (
        scoring.from_pairs(pairs, episodes.support_TNK, episodes.query_TNQ) == np.arange(2)[:, None]
    )
    per_class = np.where(episodes.is_query_TNQ, right, 0).sum(2) / episodes.is_query_TNQ.sum(2)
    accuracy = per_class.mean(1)
    assert accuracy.mean() == pytest.approx(exact, abs=4 * accuracy.std() / np.sqrt(len(accuracy)))


def test_a_zero_embedding_is_an_answer_and_no_nan():
    features = FEATURES.copy()
    features[3] = 0
    assert np.isfinite(scoring.cosine_MM(features)).all()


def test_far_from_the_origin_distances_keep_their_precision():
    shifted = scoring.prototype_MM(FEATURES + 1000)
    assert np.allclose(shifted, scoring.prototype_MM(FEATURES), atol=0.05)


def test_one_by_one_skips_padding():
    episodes = DrawnEpisodes(POOL, 3, 3, None, "x").draw(0, 5)

    def answer(support_NK: np.ndarray, query_Q: np.ndarray) -> np.ndarray:
        assert (query_Q >= 0).all()
        return np.array([[head(FEATURES[q], FEATURES[s]) for s in support_NK] for q in query_Q])

    one_by_one = scoring.predict_each(answer, episodes.support_TNK, episodes.query_TNQ)
    together = scoring.from_pairs(PAIRS["pair"][1], episodes.support_TNK, episodes.query_TNQ)
    assert (one_by_one == together)[episodes.is_query_TNQ].all()
