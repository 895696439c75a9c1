"""The training loop, and what a baseline with an encoder embeds."""

import numpy as np
import pytest
import torch
from torch import nn

from fewshot_bench.baseline import Context
from fewshot_bench.data.labelled import group_by_class
from fewshot_bench.learn import (
    EncoderBaseline,
    EncoderSettings,
    OwnNetworkSettings,
    TrainedBaseline,
    resize,
    train,
)
from tests.helpers.training import CPU


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


class Tiny(nn.Module):
    """A network of its own: the mean and the deviation of an image."""

    features = 2

    def __init__(self, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert images.shape[2:] == (self.image_size, self.image_size)
        flat = images.flatten(1)
        return self.scale * torch.stack([flat.mean(1), flat.std(1)], dim=1) / 255


class WithTiny(TrainedBaseline):
    """Brings its own network and optimiser, and notes the batches that it sees."""

    settings_type = OwnNetworkSettings
    rule = "prototype"
    sees = frozenset({"masks"})

    def make_encoder(self, *, fetch: bool) -> nn.Module:
        return Tiny(self.settings.image_size)

    def optimiser(self, parameters):
        return torch.optim.SGD(parameters, lr=0.1)

    def batch_loss(self, batch, generator):
        self.batches_seen = [*getattr(self, "batches_seen", []), batch]
        views, masks = self.view_together(batch.images_BCHW, batch.masks_B1HW, generator)
        assert views.shape[1:] == (1, 32, 32)
        # the defect is the bright part: what is moved alike stays alike
        difference = (views - masks).abs().mean()
        assert difference < 1
        return self.encode(views).square().mean()


def test_a_method_brings_its_own_network_and_sees_masks():
    pixels = np.zeros((20, 1, 40, 40), dtype=np.uint8)
    boxes = []
    for index, image in enumerate(pixels[:, 0]):
        image[index : index + 10, 5:30] = 255
        boxes.append(np.array([[5, index, 30, index + 10]]))
    labels = [0] * 10 + [1] * 10
    files = [str(index) for index in range(20)]
    data = group_by_class("x", pixels, labels, ["a", "b"], files, boxes=tuple(boxes))
    baseline = WithTiny(OwnNetworkSettings(image_size=32, passes=100, batch_size=10))
    baseline.fit(data, context=Context(CPU, 0, lambda passed, loss: None))
    shares = [batch.share for batch in baseline.batches_seen]
    assert shares == pytest.approx([step / 10 for step in range(10)])
    assert all(batch.defects_BP is None for batch in baseline.batches_seen)  # it asks for none
    assert 0 < baseline.network.scale.item() < 1
    assert baseline.embed(torch.from_numpy(pixels)).shape == (20, 2)
    assert WithTiny.shared_features(baseline.settings) is None
    state = baseline.state()
    again = WithTiny(baseline.settings)
    again.load(state, context=Context(CPU, 0, lambda passed, loss: None))
    assert again.network.scale.item() == baseline.network.scale.item()
