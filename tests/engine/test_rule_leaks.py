"""Honest rules are let through where scores are all alike; cheats are in tests/contract/test_leaks.py."""

import numpy as np
import pytest
import torch

from fewshot_bench.engine import scoring
from fewshot_bench.engine.rule_leaks import assert_answered_as_alone
from fewshot_bench.planning.rule_choice import fast_rules
from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.registry.registry import Registry
from tests.helpers.rule_checks import FEATURES_MD, POOL, fitted


@pytest.mark.parametrize("alike", [0.0, 1e3, 1e4])
@pytest.mark.parametrize("name", fast_rules(Registry()))
def test_rounding_of_features_that_are_nearly_the_same_is_no_leak(name: str, alike: float):
    rule = fitted(name)
    features = rule.prepare(torch.from_numpy(FEATURES_MD + np.float32(alike)))
    engine = features - features.mean(0) if rule.shift_invariant else features
    episodes = DrawnEpisodes(POOL, 3, 2, 5, "x").draw(0, 50)
    query_TQ = episodes.query_TNQ.reshape(50, -1)
    products = scoring.products_MM(engine.numpy())
    ways, _ = scoring.from_matrix(rule.score_products, products, episodes.support_TNK, query_TQ)
    assert_answered_as_alone(lambda: rule, features, engine, episodes.support_TNK, query_TQ, ways)


@pytest.mark.parametrize("name", fast_rules(Registry()))
def test_scores_of_different_queries_do_not_hang_on_where_the_features_lie(name: str):
    rule = fitted(name)
    if not rule.shift_invariant:
        pytest.skip("its features are not moved")
    features = rule.prepare(torch.from_numpy(FEATURES_MD))
    support = features[:6].unflatten(0, (3, 2))
    query = features[6:20]
    moved = 0.5
    expected = rule.scores_in_block(support, query)
    found = rule.scores_in_block(support - moved, query - moved)
    assert torch.allclose(found, expected, atol=1e-3 * float(expected.abs().max()))
