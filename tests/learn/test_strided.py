"""Convolutions that a library of processors computes wrongly are computed otherwise."""

import copy
import pickle

import pytest
import torch
from torch import nn

from fewshot_bench.learn.strided import without_strided_points
from tests.helpers.training import encoder_of, normal


@pytest.mark.parametrize("stride", [2, 3, (2, 1)])
def test_it_computes_the_same_from_the_same_weights(stride: int | tuple[int, int]):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 1, stride=stride), nn.ReLU(), nn.Conv2d(5, 4, 3))
    changed = copy.deepcopy(network)
    without_strided_points(changed)
    assert changed[0].stride == (1, 1)
    images = normal(1, 2, 3, 11, 12)
    assert torch.allclose(network(images), changed(images), atol=1e-6)
    assert network.state_dict().keys() == changed.state_dict().keys()
    again = pickle.loads(pickle.dumps(changed))
    assert torch.equal(again(images), changed(images))


def test_other_convolutions_stay_as_they_are():
    layers = [
        nn.Conv2d(16, 4, 1, stride=2),
        nn.Conv2d(3, 4, 1),
        nn.Conv2d(3, 4, 3, stride=2),
        nn.Conv2d(3, 4, 1, stride=2, padding=1),
    ]
    strides = [layer.stride for layer in layers]
    without_strided_points(nn.Sequential(*layers))
    assert [layer.stride for layer in layers] == strides
    assert not any(layer._forward_pre_hooks for layer in layers)


def test_no_encoder_has_one_left():
    encoder = encoder_of("timm:repvgg_a0")
    points = encoder.get_submodule("backbone.stem.conv_1x1.conv")
    assert isinstance(points, nn.Conv2d)
    assert (points.kernel_size, points.stride) == ((1, 1), (1, 1))
    assert encoder(normal(0, 1, 1, 64, 64)).shape == (1, 1280)
