import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from tests.helpers.rule_checks import fitted, scores


@pytest.mark.parametrize("strength", [0.1, 2.0])
def test_scores_are_those_of_a_ridge_regression_on_the_classes(strength: float):
    """scikit-learn solves for the D x N weights; the rule solves for those of the references."""
    support, query, given = scores(fitted("ridge", strength=strength))
    support /= np.linalg.norm(support, axis=2, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    indicators = np.eye(3).repeat(support.shape[1], axis=0)
    ridge = Ridge(alpha=strength)  # with an intercept it centres by the support
    ridge.fit(support.reshape(-1, 16), indicators)
    assert np.allclose(given, ridge.predict(query), atol=1e-4)


def test_many_references_of_few_features_leave_rounding_small():
    """38 classes of 40 references in 8 dimensions: the system of the references is nearly singular."""
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(8, 64, generator=generator)
    centres = torch.randn(38, 1, 8, generator=generator)
    support = (centres + 0.1 * torch.randn(38, 40, 8, generator=generator)) @ basis
    query = (centres[:, 0] + 0.1 * torch.randn(38, 8, generator=generator)) @ basis
    rule = fitted("ridge")
    together = rule.answer(support, query)
    alone = torch.cat([rule.answer(support, one[None]) for one in query])
    # in float32 it is 8e-4, which a check for leaks takes for one
    assert (together - alone).abs().max() <= 1e-4 * together.abs().max()
