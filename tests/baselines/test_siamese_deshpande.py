"""The Siamese network of Deshpande et al.: its loss, its pairs, its views and its score, with known answers."""

import itertools

import pytest
import torch
from fewshot_bench.plugins.baselines.siamese_deshpande import (
    SiameseDeshpande,
    SiameseDeshpandeSettings,
    SmallNetwork,
    contrastive,
)

from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits, pictures
from tests.helpers.training import CPU, made

SMALL = {"image_size": 32}


def built(**settings: object) -> SiameseDeshpande:
    baseline = made("siamese_deshpande", **{**SMALL, **settings})
    assert isinstance(baseline, SiameseDeshpande)
    baseline.build(3, CPU)
    return baseline


def test_the_loss_has_half_the_distance():
    first = torch.zeros(4, 2)
    second = torch.tensor([[3.0, 4.0], [3.0, 4.0], [0.0, 2.0], [0.0, 2.0]])  # distances 5, 5, 2, 2
    is_same = torch.tensor([True, False, True, False])
    expected = (2.5**2 + 0 + 1 + 1) / 4  # half of 5 is beyond the margin of 2
    assert float(contrastive(first, second, is_same, 2.0)) == pytest.approx(expected, rel=1e-5)


def test_the_score_of_a_pair_is_minus_its_distance():
    baseline = built()
    a = torch.tensor([[0.0] * 5, [1.0] * 5])
    b = torch.tensor([[3.0, 4.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(baseline.pair(a, b), torch.tensor([[-5.0], [-(16.0**0.5)]]))
    assert SiameseDeshpande.same_above == -2.0


def test_the_network_has_the_weights_of_the_source():
    weights = sum(part.numel() for part in SmallNetwork(100).parameters())
    convolutions = (9 * 4 + 4) + (9 * 4 * 8 + 8) + (9 * 8 * 8 + 8)
    full = (80_000 * 500 + 500) + (500 * 500 + 500) + (500 * 5 + 5)
    assert weights == convolutions + full


def test_grey_is_made_as_the_source_makes_it():
    network = SmallNetwork(32).eval()
    colour = torch.zeros(1, 3, 32, 32)
    colour[:, 0] = 100.0
    grey = torch.full((1, 1, 32, 32), 29.9)
    torch.testing.assert_close(network(colour), network(grey))


def test_views_are_the_eight_of_a_square_and_come_equally_often():
    baseline = built()
    image = torch.rand(1, 1, 32, 32) * 255
    views = baseline.view(image.expand(400, -1, -1, -1), torch.Generator().manual_seed(0))
    eight = [torch.rot90(image, turns, (2, 3)) for turns in range(4)]
    eight += [view.flip(3) for view in eight]
    distances = (views - torch.cat(eight)[:, None]).abs().amax((2, 3, 4))
    assert distances.min(0).values.max() < 0.01
    assert torch.bincount(distances.argmin(0), minlength=8).min() > 25


def test_half_of_the_pairs_are_of_one_class():
    labels = torch.tensor([0, 1, 1, 2, 2, 2])
    batches = built().batches(labels, torch.Generator().manual_seed(0))
    batch = torch.cat([part.view(2, -1) for part in itertools.islice(batches, 60)], dim=1)
    assert batch.shape == (2, 60 * 32)
    assert torch.bincount(batch[0]).min() > 250  # 320 of each image expected
    is_same = labels[batch[0]] == labels[batch[1]]
    assert 0.45 < float(is_same.float().mean()) < 0.55
    assert built().passed(torch.arange(64)) == 64


def test_gradient_reaches_all_its_weights():
    assert_gradient_reaches_all(
        SiameseDeshpande(SiameseDeshpandeSettings(image_size=32, passes=64))
    )


def test_it_overfits_20_pictures_and_tells_all_pairs_of_them():
    settings = SiameseDeshpandeSettings(
        image_size=32, passes=64 * 30, augment=False, learning_rate=1e-3
    )
    baseline = assert_overfits(SiameseDeshpande, settings, loss_share=0.1)
    labels = torch.from_numpy(pictures().labels)
    with torch.no_grad():
        features = baseline.embed(torch.from_numpy(pictures().images))
        is_same = baseline.pair(features, features) > SiameseDeshpande.same_above
    assert torch.equal(is_same, labels[:, None] == labels)
