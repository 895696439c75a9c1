import numpy as np
import pytest

from tests.helpers.rule_checks import fitted, scores


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_differences_of_scores_are_half_differences_of_squared_distances(power: float):
    support, query, given = scores(fitted("prototype", power=power))
    means = (support**power).mean(1)
    squares = np.square(query[:, None] ** power - means).sum(2)
    expected = -squares / 2
    assert np.allclose(given - given[:, :1], expected - expected[:, :1], atol=1e-5)
