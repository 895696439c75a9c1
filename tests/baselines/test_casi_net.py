"""CASI-Net as we read it: its attention and self-interaction against plain loops, and its size."""

import math

import pytest
import torch
from fewshot_bench.plugins.baselines.casi_net import (
    CasiNet,
    CasiNetSettings,
    CoordinateAttention,
    SelfInteraction,
)
from torch import Tensor, nn

from fewshot_bench.errors import UserError
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits
from tests.helpers.training import normal

SMALL = {"image_size": 32, "batch_size": 20, "augment": False}
CPU = torch.device("cpu")
MOST_PARAMETERS = 2_500_000


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def hard_swish(value: float) -> float:
    return value * min(max(value + 3, 0), 6) / 6


def pointwise(layer: nn.Module, values: list[float]) -> list[float]:
    """A 1 x 1 convolution of the channels of one place."""
    weight = layer.get_parameter("weight").detach()[:, :, 0, 0].tolist()
    bias = [0.0] * len(weight)
    if "bias" in dict(layer.named_parameters()):
        bias = layer.get_parameter("bias").tolist()
    return [
        sum(w * value for w, value in zip(row, values, strict=True)) + b
        for row, b in zip(weight, bias, strict=True)
    ]


def row_means(image: Tensor, row: int) -> list[float]:
    return [sum(channel[row].tolist()) / image.shape[2] for channel in image]


def column_means(image: Tensor, column: int) -> list[float]:
    return [sum(channel[:, column].tolist()) / image.shape[1] for channel in image]


def normalised(layer: nn.Module, values: list[float]) -> list[float]:
    """Batch normalisation in evaluation mode."""
    mean = layer.get_buffer("running_mean").tolist()
    variance = layer.get_buffer("running_var").tolist()
    weight = layer.get_parameter("weight").tolist()
    bias = layer.get_parameter("bias").tolist()
    results = []
    for index, value in enumerate(values):
        unit = (value - mean[index]) / math.sqrt(variance[index] + 1e-5)
        results.append(unit * weight[index] + bias[index])
    return results


def inside(attention: CoordinateAttention, means: list[float]) -> list[float]:
    values = pointwise(attention.together[0], means)
    return [hard_swish(value) for value in normalised(attention.together[1], values)]


def with_random_moments(module: nn.Module) -> None:
    """Batch normalisations that do something in evaluation mode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.copy_(normal(3, part.num_features))
            part.running_var.copy_(normal(4, part.num_features).abs() + 0.5)
            part.weight.data.copy_(normal(5, part.num_features))
            part.bias.data.copy_(normal(6, part.num_features))


def test_coordinate_attention_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    attention = CoordinateAttention(3).eval()
    with_random_moments(attention)
    image = normal(1, 3, 4, 5)
    expected = torch.empty_like(image)
    for y in range(4):
        gates_of_row = pointwise(attention.of_rows, inside(attention, row_means(image, y)))
        for x in range(5):
            values = inside(attention, column_means(image, x))
            gates_of_column = pointwise(attention.of_columns, values)
            for channel in range(3):
                gate = sigmoid(gates_of_row[channel]) * sigmoid(gates_of_column[channel])
                expected[channel, y, x] = image[channel, y, x] * gate
    assert attention.together[0].out_channels == 8  # the fewest
    assert CoordinateAttention(320).together[0].out_channels == 10
    with torch.no_grad():
        assert torch.allclose(attention(image[None])[0], expected, atol=1e-6)


def test_self_interaction_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    interaction = SelfInteraction(3)
    image = normal(1, 3, 4, 5)
    expected = torch.empty_like(image)
    for y in range(4):
        gates_of_row = pointwise(interaction.of_rows, row_means(image, y))
        for x in range(5):
            gates_of_column = pointwise(interaction.of_columns, column_means(image, x))
            here = image[:, y, x].tolist()
            first = pointwise(interaction.first, here)
            second = pointwise(interaction.second, here)
            for channel in range(3):
                by_row = first[channel] * sigmoid(gates_of_row[channel])
                by_column = second[channel] * sigmoid(gates_of_column[channel])
                expected[channel, y, x] = here[channel] + by_row * by_column
    with torch.no_grad():
        assert torch.allclose(interaction(image[None])[0], expected, atol=1e-6)


def test_it_is_small_and_its_parts_can_be_left_out():
    sizes = []
    for attention, interaction in ((True, True), (False, True), (True, False), (False, False)):
        settings = CasiNetSettings(image_size=64, attention=attention, interaction=interaction)
        baseline = CasiNet(settings)
        baseline.build(6, CPU)
        sizes.append(sum(parameter.numel() for parameter in baseline.parts.parameters()))
        with torch.no_grad():
            assert baseline.embed(torch.zeros(2, 1, 50, 50, dtype=torch.uint8)).shape == (2, 64)
    assert sizes[0] > max(sizes[1:3])
    assert min(sizes[1:3]) > sizes[3]
    assert sizes[0] <= MOST_PARAMETERS


def test_it_learns_twenty_pictures_by_heart_with_all_its_weights():
    assert_gradient_reaches_all(CasiNet(CasiNetSettings(**SMALL, passes=20)))
    assert_overfits(CasiNet, CasiNetSettings(**SMALL, passes=1_500))


@pytest.mark.parametrize("setting", ["blocks", "expansion"])
def test_settings_out_of_bounds_are_refused(setting: str):
    with pytest.raises(UserError, match=rf"{setting}=0 is out of bounds"):
        CasiNetSettings(**{setting: 0})
