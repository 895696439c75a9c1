import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fewshot_bench.errors import UserError
from fewshot_bench.rule import Products
from tests.helpers.rule_checks import fitted, scores


@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_scores_are_those_of_scikit_learn(strength: float, shots: int):
    """Which fits the weights of the features; the rule fits coefficients of the references."""
    support, query, given = scores(fitted("logistic", strength=strength), shots)
    support /= np.linalg.norm(support, axis=2, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    regression = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=10_000)
    regression.fit(support.reshape(-1, 16), np.repeat(range(3), shots))
    expected = regression.decision_function(query)
    given = given - given.mean(1, keepdims=True)
    assert np.allclose(given, expected - expected.mean(1, keepdims=True), atol=2e-3)


def test_steps_that_do_not_converge_are_counted(monkeypatch: pytest.MonkeyPatch):
    rule = fitted("logistic")
    monkeypatch.setitem(type(rule).score_products.__globals__, "ITERATIONS", 1)
    images = torch.rand(2, 6, 8)
    support = (images @ images.mT).view(2, 3, 2, 3, 2)
    products = Products(torch.rand(3, 2, 2, 4), lambda: support, lambda: torch.ones(2, 4))
    rule.score_products(products)
    assert products.unfinished == 2


def test_a_strength_of_zero_is_refused():
    with pytest.raises(UserError, match="strength=0 is out of bounds"):
        fitted("logistic", strength=0)
