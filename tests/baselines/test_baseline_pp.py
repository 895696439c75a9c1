"""Baseline++ against torch's own optimiser."""

import pytest
import torch
import torch.nn.functional as F

from fewshot_bench.data.labelled import LabelledImages
from tests.helpers.training import fitted, images, made, normal


@pytest.mark.parametrize("shots", [1, 5])
def test_baseline_pp_fits_as_the_optimiser_of_torch_does(shots: int):
    support = 3 * normal(0, 4, shots, 16)
    weight = made("baseline_pp", steps=0).fitted_weights(support).clone().requires_grad_()
    optimiser = torch.optim.SGD([weight], lr=0.01, momentum=0.9, dampening=0.9, weight_decay=0.001)
    ways = torch.arange(4).repeat_interleave(shots)
    start, losses = weight.detach().clone(), []
    for _ in range(50):
        cosine = F.cosine_similarity(support.flatten(0, 1)[:, None], weight, dim=2)
        losses.append(F.cross_entropy(2 * cosine, ways))
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
    baseline = made("baseline_pp", steps=50)
    assert torch.allclose(baseline.fitted_weights(support), weight.detach(), atol=1e-5)
    assert not torch.allclose(start, weight.detach(), atol=1e-2)
    assert losses[-1] < losses[0]
    query = normal(1, 16)
    expected = F.cosine_similarity(query[None], weight.detach(), dim=1)
    assert torch.allclose(baseline.classify(support, query[None])[0], expected, atol=1e-5)


def test_baseline_pp_answers_an_episode_always_alike_and_says_that_the_order_of_ways_matters():
    baseline, support, queries = made("baseline_pp"), normal(0, 3, 2, 16), normal(1, 5, 16)
    scores = baseline.classify(support, queries)
    torch.manual_seed(7)
    assert torch.equal(scores, made("baseline_pp").classify(support, queries))
    assert not torch.allclose(
        scores, baseline.classify(support.flip(0), queries).flip(1), atol=1e-4
    )
    assert not baseline.card.label_equivariant


def test_baseline_pp_has_a_closed_set_head_of_scaled_cosines(blobs: LabelledImages):
    baseline, _ = fitted("baseline_pp", blobs.subset(blobs.class_names[:3]), scale=3.0)
    features, weight = baseline.embed(images(blobs)).detach(), baseline.state()["classifier.weight"]
    expected = 3 * F.cosine_similarity(features[:, None], weight, dim=2)
    assert torch.allclose(baseline.logits(images(blobs)), expected, atol=1e-5)
