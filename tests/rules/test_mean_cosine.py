import numpy as np

from tests.helpers.rule_checks import fitted, scores


def test_scores_are_mean_cosines():
    support, query, given = scores(fitted("mean_cosine"))
    support /= np.linalg.norm(support, axis=2, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    assert np.allclose(given, np.einsum("qd,nkd->qnk", query, support).mean(2), atol=1e-6)
