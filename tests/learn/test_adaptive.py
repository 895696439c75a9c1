"""MAML and ANIL: the steps are gradient descent, the gradient goes through them, and queries are answered one by one.

Shapes: N ways, K shots, Q queries.
"""

import copy
import functools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from fewshot_bench.baseline import Baseline, Context
from fewshot_bench.contract.answering import episode_rule
from fewshot_bench.contract.leaks import assert_untouched, depends_on_the_batch
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import NotApplicable, UserError
from fewshot_bench.learn.adaptive import normalise_by_support
from fewshot_bench.registry.registry import Registry
from tests.helpers.training import CPU, fitted, made

pytestmark = pytest.mark.usefixtures("learn2learn")
SMALL = {"encoder": "resnet18", "train_shots": 2, "train_queries": 2, "steps": 2}
Trained = Callable[[str], tuple[Baseline, list[tuple[int, float]]]]


@pytest.fixture(scope="session")
def trained(blobs: LabelledImages) -> Trained:
    return functools.cache(lambda name: fitted(name, blobs.subset(blobs.class_names[:3]), **SMALL))


def episode(data: LabelledImages, shots: int = 2, ways: int = 3) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(data.images).view(6, 20, 1, 32, 32)[:ways]
    return images[:, :shots], images[:, -2:].flatten(0, 1)


def by_hand(
    baseline: Baseline, support: Tensor, query: Tensor, ways: Tensor, *, create_graph: bool
) -> Tensor:
    """Finn et al. (2017), Algorithm 2, on MAML's network or ANIL's head: scores of the queries after the steps."""
    settings = baseline.settings
    whole = episode_rule(type(baseline)) == "predict"
    module = nn.Sequential(
        *(baseline.parts[name] for name in (("encoder", "head") if whole else ("head",)))
    )
    weights, inputs = dict(module.named_parameters()), support.flatten(0, 1)
    for _ in range(settings.steps):
        loss = F.cross_entropy(functional_call(module, weights, (inputs,)), ways)
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=create_graph)
        weights = {
            name: old - settings.step_size * slope
            for (name, old), slope in zip(weights.items(), slopes, strict=True)
        }
    rows = torch.cat([inputs, query]) if whole else query
    return functional_call(module, weights, (rows,))[len(inputs) if whole else 0 :]


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_answers_are_those_of_gradient_descent_on_the_support(
    blobs: LabelledImages, trained: Trained, name: str
):
    baseline, _ = trained(name)
    support, query = episode(blobs)
    if name == "anil":
        found = [baseline.embed(images).clone() for images in (support.flatten(0, 1), query)]
        support, query = found[0].view(3, 2, -1), found[1]
        scores = baseline.classify(support, query)
    else:
        scores = baseline.predict(support, query)
        support, query = support.float(), query.float()
    expected = by_hand(
        baseline, support, query, torch.arange(3).repeat_interleave(2), create_graph=False
    )
    assert torch.allclose(
        scores, expected.detach(), atol=1e-4 * float(expected.detach().abs().max())
    )
    before = by_hand(baseline, support, query, torch.zeros(6).long(), create_graph=False)
    assert not torch.allclose(scores, before.detach(), atol=1e-2), "other labels would answer alike"


@pytest.mark.parametrize("shots", [2, 200])  # fewer references than features, and more
def test_a_block_of_episodes_gets_the_scores_of_the_loop_of_learn2learn(shots: int):
    """To 1e-6 in float64; in float32 steps blow up the rounding of the loop itself."""
    torch.manual_seed(0)
    anil = made("anil", **SMALL)
    anil.build(5, CPU)
    features = anil.network.features
    centres = 0.2 * torch.randn(4, 3, 1, features)
    support = (centres + 0.2 * torch.randn(4, 3, shots, features)).relu()
    query = (centres + 0.2 * torch.randn(4, 3, 5, features)).relu().flatten(1, 2)
    scores = anil.classify_block(support, query)
    head = copy.deepcopy(anil.parts["head"]).double()
    for episode in range(4):
        learner = anil.adapted(head, support[episode].double(), learning=False)
        expected = learner(query[episode].double())[:, :3].detach()
        assert torch.allclose(
            scores[episode].double(), expected, atol=1e-5 * float(expected.abs().max())
        )
        before = head(query[episode].double())[:, :3].detach()
        assert (expected - before).abs().max() > 0.1


@pytest.mark.parametrize(
    ("name", "first_order"), [("maml", False), ("maml", True), ("anil", False), ("anil", True)]
)
def test_training_sends_the_gradient_through_the_steps_unless_told_not_to(
    blobs: LabelledImages, trained: Trained, name: str, first_order: bool
):
    kind = type(trained(name)[0])
    settings = kind.settings_type(image_size=32, augment=False, first_order=first_order, **SMALL)
    baseline = kind(settings)
    baseline.load(trained(name)[0].state(), context=Context(CPU, 0, lambda passed, loss: None))
    batch = torch.from_numpy(blobs.images).view(6, 20, 1, 32, 32)[:3, :4].flatten(0, 1).float()
    head = baseline.parts["head"].weight
    slope = torch.autograd.grad(baseline.loss(batch, torch.zeros(12), torch.Generator()), head)[0]
    rows = batch if name == "maml" else baseline.encode(batch).detach()
    support, query, ways = baseline.episode(rows)
    if name == "maml":
        baseline.support_rows.count = 6
    scores = by_hand(
        baseline, support, query, torch.arange(3).repeat_interleave(2), create_graph=not first_order
    )
    expected = torch.autograd.grad(F.cross_entropy(scores, ways), head)[0]
    assert torch.allclose(slope, expected, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_training_spends_its_budget_and_is_reproducible(
    blobs: LabelledImages, trained: Trained, name: str
):
    (baseline, history), (again, same) = (
        trained(name),
        fitted(name, blobs.subset(blobs.class_names[:3]), **SMALL),
    )
    episode_of_12 = 12 + (2 * 6 if name == "maml" else 0)  # MAML's support passes in every step too
    assert history[-1][0] == -(-96 // episode_of_12) * episode_of_12
    assert history == same
    assert all(torch.equal(value, again.state()[key]) for key, value in baseline.state().items())


def test_a_query_is_answered_alike_whatever_comes_with_it(blobs: LabelledImages, trained: Trained):
    maml, _ = trained("maml")
    support, query = episode(blobs)
    with assert_untouched(maml, query), assert_untouched(maml, support):
        scores = maml.predict(support, query)
    assert not depends_on_the_batch(lambda one: maml.predict(support, one), query, scores)


def test_support_norm_is_batch_norm_of_the_support():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(9, 4, 5, 5)
    alone = norm.train()(x[:6])
    network = nn.Sequential(nn.Conv2d(4, 4, 1), norm)
    normalise_by_support(network).count = 6
    found = network[1](x)
    assert torch.allclose(found[:6], alone, atol=1e-5)
    moments = x[:6].var((0, 2, 3), correction=0, keepdim=True), x[:6].mean((0, 2, 3), keepdim=True)
    expected = (x[6:] - moments[1]) / (moments[0] + norm.eps).sqrt()
    shaped = norm.weight.view(1, 4, 1, 1), norm.bias.view(1, 4, 1, 1)
    assert torch.allclose(found[6:], expected * shaped[0] + shaped[1], atol=1e-5)


@pytest.mark.parametrize("name", ["test_efficientnet", "mobilenetv3_small_050"])
def test_activations_within_normalisations_of_timm_stay(name: str):
    import timm

    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=0)
    kinds = (nn.ReLU, nn.SiLU, nn.Hardswish)
    before = [type(part) for part in network.modules() if isinstance(part, kinds)]
    images = torch.randn(6, 3, 64, 64)
    expected = network.train()(
        images
    ).detach()  # no drop-out in these: the moments of the batch are all that matters
    normalise_by_support(network).count = 6
    assert [type(part) for part in network.modules() if isinstance(part, kinds)] == before != []
    assert not any(isinstance(part, nn.BatchNorm2d) for part in network.modules())
    assert torch.allclose(network(images), expected, atol=1e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["maml", "anil"])
def test_more_ways_than_slots_are_not_applicable(
    blobs: LabelledImages, trained: Trained, name: str
):
    baseline, _ = trained(name)
    support, query = episode(blobs, ways=4)
    features = torch.zeros(4, 2, baseline.embed(query[:1]).shape[1]), torch.zeros(5, 512)
    with pytest.raises(NotApplicable, match=r"its head has 3 slots, .* and 4 are asked"):
        baseline.predict(support, query) if name == "maml" else baseline.classify(*features)
    support, query = episode(blobs, ways=2)
    if name == "maml":
        assert baseline.predict(support, query).shape == (4, 2)


def test_maml_cannot_be_frozen():
    with pytest.raises(
        UserError, match=r"freeze=True is out of bounds .allowed: false; maml adapts the encoder"
    ):
        Registry().baseline("maml").load().settings_type(freeze=True)
