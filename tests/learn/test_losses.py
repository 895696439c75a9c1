"""Eqs. 1, 2, 4 and 5 against values worked out by hand and against pytorch-metric-learning."""

import math

import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning.losses import ArcFaceLoss, NTXentLoss, SupConLoss
from torch import Tensor
from torchvision.ops import sigmoid_focal_loss

from fewshot_bench.learn.losses import (
    ArcMargin,
    combined_loss,
    contrast,
    self_contrastive,
    sigmoid_focal,
    supervised_contrastive,
)
from tests.helpers.training import normal


def embeddings(seed: int, count: int = 7, features: int = 5) -> Tensor:
    return torch.randn(count, features, generator=torch.Generator().manual_seed(seed))


def plain_contrast(a: Tensor, b: Tensor, n: int, temperature: float) -> float:
    """Eq. 1 term by term."""
    views = [*a, *b]
    similar = [
        math.exp(float(F.cosine_similarity(a[n], view, dim=0)) / temperature) for view in views
    ]
    return -math.log(similar[len(a) + n] / sum(value for k, value in enumerate(similar) if k != n))


def test_eq1_on_orthogonal_pairs():
    a = torch.eye(2)
    expected = -math.log(
        math.exp(2) / (math.exp(2) + 1 + 1)
    )  # tau 0.5: the positive has e^2, two others e^0
    assert contrast(a, a.clone(), temperature=0.5).tolist() == pytest.approx([expected, expected])


def test_eq1_is_anchored_at_its_first_argument():
    a, b = torch.tensor([[1.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 1.0], [1.0, -1.0]])
    forward, backward = contrast(a, b, temperature=0.5), contrast(b, a, temperature=0.5)
    assert forward.tolist() == pytest.approx([plain_contrast(a, b, n, 0.5) for n in range(2)])
    assert backward.tolist() == pytest.approx([plain_contrast(b, a, n, 0.5) for n in range(2)])
    assert not torch.allclose(forward, backward)


def test_eq1_does_not_depend_on_the_length_of_vectors():
    a, b = embeddings(0), embeddings(1)
    assert torch.allclose(
        contrast(a, b, temperature=0.5), contrast(3 * a, 0.1 * b, temperature=0.5), atol=1e-6
    )


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_eq2_is_the_mean_of_three_pairs_over_3n(temperature: float):
    x, i, j = embeddings(0), embeddings(1), embeddings(2)
    pairs = [(x, i), (x, j), (i, j)]
    terms = [plain_contrast(a, b, n, temperature) for a, b in pairs for n in range(len(x))]
    assert float(self_contrastive(x, i, j, temperature=temperature)) == pytest.approx(
        sum(terms) / (3 * len(x)), rel=1e-5
    )


def test_the_symmetric_form_is_ntxent_of_an_independent_library():
    x, i, j = embeddings(0), embeddings(1), embeddings(2)
    oracle, labels = NTXentLoss(temperature=0.5), torch.arange(len(x)).repeat(2)
    expected = sum(oracle(torch.cat(pair), labels) for pair in ((x, i), (x, j), (i, j))) / 3
    assert torch.allclose(
        self_contrastive(x, i, j, temperature=0.5, symmetric=True), expected, atol=1e-6
    )


def arc(margin: float = 0.5, scale: float = 30.0, beyond_pi: str = "equation") -> ArcMargin:
    torch.manual_seed(0)
    return ArcMargin(5, 3, margin=margin, scale=scale, beyond_pi=beyond_pi)  # type: ignore[arg-type]


def test_eq4_by_hand():
    head = ArcMargin(2, 2, margin=0.5, scale=10.0, beyond_pi="equation")
    head.weight.data = torch.eye(2)
    angle = 0.3  # radians between the feature and the weight of class 0; 7 is a length that must not matter
    feature = 7 * torch.tensor([[math.cos(angle), math.sin(angle)]])
    true, other = 10 * math.cos(angle + 0.5), 10 * math.cos(math.pi / 2 - angle)
    expected = -math.log(math.exp(true) / (math.exp(true) + math.exp(other)))
    assert head(feature, torch.tensor([0])).item() == pytest.approx(expected, rel=1e-5)


def test_eq4_is_arcface_of_an_independent_library_where_theta_plus_m_is_below_pi():
    head, labels = arc(), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    features = embeddings(3)
    angles = torch.arccos(head.cosines(features).gather(1, labels[:, None]))
    assert angles.max().item() + 0.5 < math.pi
    oracle = ArcFaceLoss(num_classes=3, embedding_size=5, margin=math.degrees(0.5), scale=30)
    oracle.W.data = head.weight.data.T.clone()
    assert torch.allclose(head(features, labels), oracle(features, labels), atol=1e-4)


def test_eq4_beyond_pi_is_the_equation_by_default_and_monotone_on_request():
    weight, labels = torch.eye(3, 5), torch.tensor([0])
    feature = torch.tensor([[-1.0, 1e-3, 0, 0, 0]])  # theta is almost pi
    losses = {}
    for form in ("equation", "penalty"):
        head = arc(scale=1.0, beyond_pi=form)
        head.weight.data = weight
        losses[form] = head(feature, labels).item()
    theta = math.acos(float(F.normalize(feature)[0, 0]))
    for form, logit in (
        ("equation", math.cos(theta + 0.5)),
        ("penalty", math.cos(theta) - 0.5 * math.sin(0.5)),
    ):
        others = F.normalize(feature)[0, 1:3].exp().sum()
        assert losses[form] == pytest.approx(
            -math.log(math.exp(logit) / (math.exp(logit) + float(others))), rel=1e-3
        )
    assert losses["penalty"] > losses["equation"]


def test_eq4_without_margin_is_a_cosine_softmax():
    head, labels = arc(margin=0.0), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    assert torch.allclose(
        head(embeddings(3), labels),
        F.cross_entropy(30 * head.cosines(embeddings(3)), labels),
        atol=1e-4,
    )


def test_eq4_has_finite_gradients_at_theta_0_and_pi():
    head = arc()
    features = torch.stack([head.weight.data[0], -head.weight.data[1]]).requires_grad_()
    head(features, torch.tensor([0, 1])).backward()
    assert torch.isfinite(features.grad).all()
    assert torch.isfinite(head.weight.grad).all()


def test_eq5():
    assert float(combined_loss(torch.tensor(2.0), torch.tensor(8.0), alpha=0.75, beta=0.25)) == 3.5


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


@pytest.mark.parametrize(("gamma", "balance"), [(2.0, 0.25), (0.5, 0.9), (0.0, 0.5)])
def test_sigmoid_focal_is_that_of_torchvision(gamma: float, balance: float):
    scores = 5 * normal(0, 12, 3)
    target = F.one_hot(torch.arange(12) % 3).float()
    expected = sigmoid_focal_loss(scores, target, alpha=balance, gamma=gamma, reduction="mean")
    assert torch.allclose(sigmoid_focal(scores, target, gamma=gamma, balance=balance), expected)


def test_sigmoid_focal_by_hand():
    scores = torch.tensor([[math.log(4), 0.0]])  # probabilities 0.8 and 0.5; the first is true
    right = 0.25 * 0.2**2 * -math.log(0.8)
    wrong = 0.75 * 0.5**2 * -math.log(0.5)
    loss = sigmoid_focal(scores, torch.tensor([[1.0, 0.0]]), gamma=2, balance=0.25)
    assert float(loss) == pytest.approx((right + wrong) / 2)
