"""The batched scorer against a plain loop over queries, ways and references."""

import numpy as np
import pytest

from fewshot_bench.engine import scoring
from fewshot_bench.errors import Diverged
from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.registry.registry import Registry

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


UNIT = FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True)
CENTRED = FEATURES - FEATURES.mean(0)
MEAN_COSINE = Registry().rule("mean_cosine").load()().score_products
PROTOTYPE = Registry().rule("prototype").load()().score_products
HEAD = -np.abs(FEATURES[:, None] - FEATURES).sum(2)
PAIRS = {
    "mean_cosine": (cosine, scoring.products_MM(UNIT), MEAN_COSINE),
    "prototype": (prototype, scoring.products_MM(CENTRED), PROTOTYPE),
    "pair": (head, HEAD, scoring.mean_score),
}


def answered(score, matrix_MM: np.ndarray, episodes) -> np.ndarray:
    """The ways (T, N, Q) by a matrix."""
    query_TQ = episodes.query_TNQ.reshape(len(episodes), -1)
    answers = scoring.from_matrix(score, matrix_MM, episodes.support_TNK, query_TQ)
    return answers.ways_TQ.reshape(episodes.query_TNQ.shape)


@pytest.mark.parametrize("queries", [4, None])
@pytest.mark.parametrize("rule", PAIRS)
def test_pairwise_gathers_equal_a_plain_loop(rule: str, queries: int | None):
    plain, pairs, score = PAIRS[rule]
    episodes = DrawnEpisodes(POOL, 3, 3, queries, "x").draw(0, 20)
    predicted = answered(score, pairs, episodes)
    asked = episodes.is_query_TNQ
    assert (predicted == loop(episodes, plain))[asked].all()
    right = (predicted == np.arange(3)[:, None])[asked].mean()
    assert 0.4 < right < 0.99  # neither chance nor a given


@pytest.mark.parametrize("rule", ["mean_cosine", "prototype"])
def test_without_a_matrix_of_pairs_the_answers_are_the_same(rule: str):
    _, pairs, score = PAIRS[rule]
    features = UNIT if rule == "mean_cosine" else CENTRED
    episodes = DrawnEpisodes(POOL, 4, 5, None, "x").draw(0, 50)
    query_TQ = episodes.query_TNQ.reshape(50, -1)
    slow = scoring.from_features(score, features, episodes.support_TNK, query_TQ)
    fast = answered(score, pairs, episodes)
    assert (fast == slow.ways_TQ.reshape(fast.shape))[episodes.is_query_TNQ].all()


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch):
    episodes = DrawnEpisodes(POOL, 3, 3, 5, "x").draw(0, 40)
    whole = answered(scoring.mean_score, HEAD, episodes)
    monkeypatch.setattr(scoring, "SCORES", 500)
    assert np.array_equal(whole, answered(scoring.mean_score, HEAD, episodes))


def test_of_equal_scores_the_first_way_is_taken():
    episodes = DrawnEpisodes(POOL, 3, 3, 5, "x").draw(0, 4)
    assert not answered(scoring.mean_score, np.zeros((123, 123), np.float32), episodes).any()


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
    right = answered(MEAN_COSINE, pairs, episodes) == np.arange(2)[:, None]
    per_class = np.where(episodes.is_query_TNQ, right, 0).sum(2) / episodes.is_query_TNQ.sum(2)
    accuracy = per_class.mean(1)
    assert accuracy.mean() == pytest.approx(exact, abs=4 * accuracy.std() / np.sqrt(len(accuracy)))


def test_a_score_that_is_not_finite_is_no_answer():
    episodes = DrawnEpisodes(POOL, 3, 3, 5, "x").draw(0, 4)
    with pytest.raises(Diverged, match="not finite"):
        answered(lambda products: products.query_NKBQ.mean(1) / 0, HEAD, episodes)


def test_one_by_one_skips_padding():
    episodes = DrawnEpisodes(POOL, 3, 3, None, "x").draw(0, 5)

    def answer(support_NK: np.ndarray, query_Q: np.ndarray) -> np.ndarray:
        assert (query_Q >= 0).all()
        return np.array([[head(FEATURES[q], FEATURES[s]) for s in support_NK] for q in query_Q])

    query_TQ = episodes.query_TNQ.reshape(5, -1)
    one_by_one = scoring.predict_each(answer, episodes.support_TNK, query_TQ)
    together = answered(scoring.mean_score, HEAD, episodes)
    assert (one_by_one.ways_TQ.reshape(together.shape) == together)[episodes.is_query_TNQ].all()
