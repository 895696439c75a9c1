"""The methods beside the standard ones, each against values worked out by hand or an independent implementation.

Shapes: N ways, K shots, Q queries, D features.
"""

import functools
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning.losses import SupConLoss
from torch import Tensor

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.contract.answering import episode_rule
from fewshot_bench.contract.leaks import assert_untouched, depends_on_the_batch
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.learn.losses import supervised_contrastive
from fewshot_bench.registry.registry import Registry, usable
from tests.helpers.training import CPU, fitted, images, made

EPISODIC = ("matching", "relation")
ENCODERS = (*EPISODIC, "baseline_pp", "supcon", "scl", "amp")


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


Trained = Callable[[str], tuple[Baseline, list[tuple[int, float]]]]


@pytest.fixture(scope="session")
def trained(blobs: LabelledImages) -> Trained:
    """A baseline fitted to three classes, once for all tests, and its losses."""
    return functools.cache(lambda name: fitted(name, blobs.subset(blobs.class_names[:3])))


def test_capabilities():
    found = {
        plugin.name: episode_rule(kind) for plugin, kind in usable(Registry().every_baseline())
    }
    assert found == found | dict.fromkeys(("supcon", "scl", "amp", "lbp"), "mean_cosine")
    assert found == found | {"matching": "pair", "relation": "classify", "baseline_pp": "classify"}


@pytest.mark.parametrize("name", ENCODERS)
def test_training_is_reproducible_and_can_be_stored(
    blobs: LabelledImages, trained: Trained, name: str
):
    (baseline, history), (again, same_history) = (
        trained(name),
        fitted(name, blobs.subset(blobs.class_names[:3])),
    )
    copy = type(baseline)(baseline.settings)
    copy.load(baseline.state(), context=Context(CPU, 0, lambda passed, loss: None))
    features = baseline.embed(images(blobs)).detach()
    assert 96 <= history[-1][0] < 96 + 64 * baseline.views
    assert history == same_history
    assert torch.equal(features, again.embed(images(blobs)))
    assert torch.equal(features, copy.embed(images(blobs)))
    assert not torch.equal(features, trained("untrained")[0].embed(images(blobs)))


@pytest.mark.parametrize("name", [*ENCODERS, "lbp"])
def test_answering_does_not_depend_on_the_batch_and_leaves_no_trace(
    blobs: LabelledImages, trained: Trained, name: str
):
    baseline, _ = trained(name)
    asked = images(blobs)
    with torch.no_grad():  # as the harness does
        with assert_untouched(baseline, asked):
            features = baseline.embed(asked)
        assert features.dtype == torch.float32
        assert not depends_on_the_batch(baseline.embed, asked, features)
        if episode_rule(type(baseline)) == "classify":
            support, queries = features[:6].view(3, 2, -1), features[6:]
            with assert_untouched(baseline, queries):
                scores = baseline.classify(support, queries)
            assert scores.shape == (len(queries), 3)
            assert not depends_on_the_batch(
                lambda alone: baseline.classify(support, alone), queries, scores
            )


@pytest.mark.parametrize("name", EPISODIC)
def test_episodic_training_refuses_episodes_larger_than_a_class(blobs: LabelledImages, name: str):
    with pytest.raises(UserError, match=r"26 is more than the 20 images"):
        fitted(name, blobs, train_shots=21)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_supervised_contrastive_is_supcon_of_an_independent_library(temperature: float):
    features, labels = normal(0, 12, 5), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 1])
    expected = SupConLoss(temperature=temperature)(features, labels)
    assert torch.allclose(
        supervised_contrastive(features, labels, temperature=temperature), expected, atol=1e-5
    )


def test_supervised_contrastive_by_hand():
    features = torch.eye(2).repeat(
        2, 1
    )  # each view has one positive at cosine 1 and two others at 0
    expected = -math.log(math.e / (math.e + 2))
    assert float(
        supervised_contrastive(features, torch.tensor([0, 1, 0, 1]), temperature=1.0)
    ) == pytest.approx(expected)


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


@pytest.mark.parametrize("shots", [1, 5])
def test_baseline_pp_fits_as_the_optimiser_of_torch_does(shots: int):
    support = 3 * normal(0, 4, shots, 16)
    weight = made("baseline_pp", steps=0).fitted(support).clone().requires_grad_()
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
    assert torch.allclose(baseline.fitted(support), weight.detach(), atol=1e-5)
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


def test_scl_and_amp_are_the_terms_of_scl_amp(blobs: LabelledImages, trained: Trained):
    both, _ = trained("scl_amp")
    labels = torch.arange(30) // 10

    def loss(name: str, **settings: float) -> float:
        """With the same weights, in evaluation mode, where a batch of other views changes no normalisation."""
        baseline = made(name, image_size=32, **settings)
        baseline.load(both.state(), context=Context(CPU, 0, lambda passed, loss: None))
        return float(
            baseline.loss(images(blobs), labels, torch.Generator().manual_seed(0)).detach()
        )

    assert loss("scl") == pytest.approx(loss("scl_amp", alpha=1.0, beta=0.0))
    assert loss("amp") == pytest.approx(loss("scl_amp", alpha=0.0, beta=1.0), rel=1e-5)
    total = loss("scl_amp", alpha=0.75, beta=0.25)
    assert total == pytest.approx(0.75 * loss("scl") + 0.25 * loss("amp"), rel=1e-5)
    assert abs(loss("scl") - loss("amp")) > 0.1


@pytest.mark.parametrize(("name", "setting"), [("scl", "beta"), ("amp", "alpha")])
def test_one_loss_alone_takes_no_weight_of_the_other(name: str, setting: str):
    with pytest.raises(
        UserError, match=rf"{setting}=0.5 is out of bounds .allowed: 0; scl_amp has both"
    ):
        made(name, **{setting: 0.5})


def test_scl_uses_no_label_and_amp_no_view(blobs: LabelledImages, trained: Trained):
    relabelled = blobs.subset(blobs.class_names[:3])
    scl, amp = trained("scl")[0], trained("amp")[0]
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    labels = torch.from_numpy(relabelled.labels[::2])
    amp.loss(images(blobs), labels, generator)
    assert torch.equal(before, generator.get_state())
    first = scl.loss(images(blobs), labels, torch.Generator().manual_seed(0))
    assert torch.equal(
        first, scl.loss(images(blobs), labels.flip(0), torch.Generator().manual_seed(0))
    )


def histograms(image: Tensor) -> tuple[Tensor, ...]:
    return made("lbp").embed(image[None, None].byte())[0].square().split([10, 18, 26])


def shares(bins: int, **of: float) -> Tensor:
    """A histogram: `shares(10, b8=0.5)` has half of all in bin 8."""
    expected = torch.zeros(bins)
    for name, share in of.items():
        expected[int(name[1:])] = share
    return expected


def test_lbp_of_a_bright_point_by_hand():
    """Round the point all is darker: no neighbour counts; elsewhere all P neighbours are at least as bright."""
    image = torch.full((7, 7), 10)
    image[3, 3] = 200
    one, two, three = histograms(image)
    assert torch.allclose(one, shares(10, b0=1 / 25, b8=24 / 25))
    assert torch.allclose(two, shares(18, b0=1 / 9, b16=8 / 9))
    assert torch.allclose(three, shares(26, b0=1.0))


def test_lbp_of_an_edge_by_hand_and_turned():
    """In the first bright column three of eight neighbours are darker."""
    image = torch.full((7, 7), 10)
    image[:, 3:] = 200
    assert torch.allclose(histograms(image)[0], shares(10, b5=1 / 5, b8=4 / 5))
    assert torch.allclose(torch.cat(histograms(image)), torch.cat(histograms(image.T)))


def test_lbp_does_not_depend_on_brightness_and_sees_texture():
    noise = torch.randint(
        0, 200, (2, 1, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    smooth = F.avg_pool2d(noise.float(), 5, stride=1, padding=2).byte()
    lbp = made("lbp")
    assert torch.allclose(lbp.embed(noise), lbp.embed(noise + 55), atol=1e-3)
    similar = F.normalize(lbp.embed(torch.cat([noise, smooth])), dim=1)
    similar = similar @ similar.T
    assert min(similar[0, 1], similar[2, 3]) > similar[:2, 2:].max()
    assert torch.allclose(lbp.embed(noise).square().sum(1), torch.tensor(3.0))


def test_lbp_takes_colour_as_grey_and_tells_the_states_of_dies_apart():
    grey = torch.randint(
        0, 256, (1, 1, 20, 20), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    lbp = made("lbp")
    assert torch.equal(lbp.embed(grey), lbp.embed(grey.expand(-1, 3, -1, -1)))
    states = F.one_hot(grey[:, 0].long() % 3, 3).permute(0, 3, 1, 2).byte() * 255
    assert not torch.allclose(lbp.embed(states), lbp.embed(torch.full_like(states, 85)), atol=0.1)
