import numpy as np

from tests.helpers.rule_checks import fitted, scores


def test_the_one_most_similar_reference_decides():
    support, query, given = scores(fitted("nearest"))
    support /= np.linalg.norm(support, axis=2, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    assert np.allclose(given, np.einsum("qd,nkd->qnk", query, support).max(2), atol=1e-6)
