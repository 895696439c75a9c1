"""Relation networks against values worked out by hand."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.training import Trained, images


def test_relation_is_an_mlp_on_the_class_mean_beside_the_query(
    blobs: LabelledImages, trained: Trained
):
    baseline, _ = trained("relation")
    features, state = baseline.embed(images(blobs)).detach(), baseline.state()
    support, queries = features[:6].view(3, 2, -1), features[6:12]
    weight = torch.cat([state["of_class.weight"], state["of_query.weight"]], dim=1)
    expected = torch.zeros(6, 3)
    for (q, query), (n, way) in ((q, n) for q in enumerate(queries) for n in enumerate(support)):
        hidden = F.linear(torch.cat([way.mean(0), query]), weight, state["of_query.bias"]).relu()
        expected[q, n] = F.linear(
            hidden, state["relation.weight"], state["relation.bias"]
        ).sigmoid()
    assert torch.allclose(baseline.classify(support, queries), expected, atol=1e-5)
    ways = torch.tensor([0, 0, 1, 1, 2, 2])
    squares = [
        (float(expected[q, n]) - (ways[q] == n).item()) ** 2 for q in range(6) for n in range(3)
    ]
    assert float(
        baseline.episode_loss(support.clone(), queries.clone(), ways).detach()
    ) == pytest.approx(sum(squares) / 18)
