"""Matching networks against the equation, term by term.

Shapes: N ways, K shots, D features.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.helpers.training import made, normal


def attention(support_NKD: Tensor, query_D: Tensor) -> list[float]:
    """Vinyals et al. (2016), Eq. 1 and section 2.1.1 term by term: the attention of each class."""
    weights = [
        [math.exp(float(F.cosine_similarity(query_D, x, dim=0))) for x in way]
        for way in support_NKD
    ]
    return [sum(way) / sum(map(sum, weights)) for way in weights]


def test_matching_ranks_and_learns_by_the_attention_of_each_class():
    baseline, support, queries = made("matching"), normal(0, 3, 4, 6), normal(1, 20, 6)
    attended = torch.tensor([attention(support, query) for query in queries])
    pairs = baseline.pair(queries, support.flatten(0, 1)).view(20, 3, 4).mean(2)
    assert torch.equal(pairs.argsort(1), attended.argsort(1))
    assert torch.allclose(pairs / pairs.sum(1, keepdim=True), attended, atol=1e-6)
    by_cosine = F.normalize(queries, dim=1) @ F.normalize(support, dim=2).mean(1).T
    assert not torch.equal(pairs.argmax(1), by_cosine.argmax(1)), "another rule would pass as well"
    ways = torch.arange(20) % 3
    expected = -attended[torch.arange(20), ways].log().mean()
    assert torch.allclose(baseline.episode_loss(support, queries, ways), expected, atol=1e-6)
