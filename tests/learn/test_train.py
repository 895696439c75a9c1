"""Batches of a training."""

import pytest
import torch

from fewshot_bench.learn import EncoderBaseline, EncoderSettings, resize, train
from fewshot_bench.learn.batches import balanced_batches, shuffled_batches
from tests.helpers.training import CPU


def test_balanced_batches():
    labels = torch.arange(5).repeat_interleave(12)
    batches = balanced_batches(labels, 3, 4, torch.Generator().manual_seed(0))
    for _ in range(20):
        batch = next(batches)
        assert len(set(batch.tolist())) == 12
        assert (labels[batch].view(3, 4) == labels[batch][::4, None]).all()
        assert len(set(labels[batch][::4].tolist())) == 3


def test_shuffled_batches_take_every_image_once_an_epoch():
    batches = shuffled_batches(torch.zeros(20), 5, torch.Generator().manual_seed(0))
    for _ in range(3):
        assert sorted(torch.cat([next(batches) for _ in range(4)]).tolist()) == list(range(20))


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "timm:test_vit"])
def test_images_pass_in_small_groups_and_their_features_are_those_of_one_pass(
    monkeypatch: pytest.MonkeyPatch, name: str
):
    baseline = EncoderBaseline(EncoderSettings(encoder=name, image_size=64))
    baseline.build(3, CPU)
    images = torch.randint(
        0, 256, (7, 1, 50, 50), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    passed = []
    baseline.network.register_forward_pre_hook(lambda module, inputs: passed.append(len(inputs[0])))
    monkeypatch.setattr(train, "EMBEDDED_PIXELS", 3 * 64**2)
    with torch.no_grad():
        expected = baseline.network(resize(images, 64))
        features = baseline.embed(images)
        alone = baseline.embed(images[:1])
    largest = expected.abs().max()
    assert (features - expected).abs().max() <= 1e-4 * largest
    assert (alone - expected[:1]).abs().max() <= 1e-4 * largest
    assert passed == [7, 3, 3, 1, 1]
    baseline.embed(images)  # with gradients
    assert passed[5:] == [7]
