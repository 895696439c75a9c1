import numpy as np

from tests.helpers.rule_checks import fitted, scores


def test_scores_are_cosines_to_the_mean_direction():
    support, query, given = scores(fitted("unit_mean"))
    means = (support / np.linalg.norm(support, axis=2, keepdims=True)).mean(1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    assert np.allclose(given, query @ means.T, atol=1e-6)
