"""Every rule: blocks of episodes get the answers of one episode after another, better than chance."""

import numpy as np
import pytest
import torch

from fewshot_bench.planning.rule_choice import fast_rules
from fewshot_bench.registry.registry import Registry
from tests.helpers.rule_checks import CLASSES_M, fitted, predicted_each, predicted_in_blocks

FAST = fast_rules(Registry())


def test_all_names_the_fast_inductive_rules():
    assert set(FAST) == {
        "mean_cosine", "unit_mean", "prototype", "centred", "whitened", "ridge", "tip", "nearest", "logistic",
    }  # fmt: skip


@pytest.mark.parametrize("shots", [1, 4])
@pytest.mark.parametrize("matrix", [True, False])
@pytest.mark.parametrize("power", [1.0, 0.5])
@pytest.mark.parametrize("name", FAST)
def test_blocks_are_answered_as_single_episodes(name: str, power: float, matrix: bool, shots: int):
    rule = fitted(name, power=power)
    episodes = 20 if name == "logistic" else 60  # its iterations take a while, one by one
    each = predicted_each(rule, shots, 5, episodes)
    in_blocks = predicted_in_blocks(rule, shots, 5, episodes, matrix=matrix)
    assert (each == in_blocks).mean() > 0.999  # two equal scores may round to another order
    right = (each.reshape(episodes, 3, 5) == np.arange(3)[:, None]).mean()
    assert 0.4 < right < 0.999  # neither chance nor a given


@pytest.mark.parametrize("name", FAST)
def test_queries_are_answered_alone_and_classes_in_any_order(name: str):
    rule = fitted(name)
    from tests.helpers.rule_checks import scores

    support, query, together = scores(rule)
    support = torch.from_numpy(support).float()
    query = torch.from_numpy(query).float()
    alone = torch.cat([rule.answer(support, one[None]) for one in query])
    turned = rule.answer(support.roll(1, 0).flip(1), query)
    assert np.allclose(together, alone, atol=1e-4)
    assert np.allclose(together, turned.roll(-1, 1), atol=1e-4)
    assert len(set(CLASSES_M)) == together.shape[1]


def test_gradients_reach_the_queries():
    """Heat maps need them."""
    support = torch.rand(3, 2, 16)
    for name in FAST:
        query = torch.rand(4, 16, requires_grad=True)
        fitted(name).answer(support, query).max().backward()
        assert query.grad is not None
        assert query.grad.abs().sum() > 0, name
