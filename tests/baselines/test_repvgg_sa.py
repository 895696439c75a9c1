"""RepVGG with spatial attention: its gate against a plain loop, and where the gate stands."""

import math

import pytest
import torch
from fewshot_bench.plugins.baselines.repvgg_sa import RepVggSa, RepVggSaSettings, SpatialGate
from torch import Tensor

from fewshot_bench.errors import UserError
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits
from tests.helpers.training import normal

SMALL = {"image_size": 32, "learning_rate": 5e-4}
CPU = torch.device("cpu")


def gated_by_hand(maps: Tensor, weight: Tensor) -> Tensor:
    """One image (C, H, W), place by place; weight: (2, S, S)."""
    channels, height, width = maps.shape
    size = weight.shape[-1]
    result = torch.empty_like(maps)
    for y in range(height):
        for x in range(width):
            total = 0.0
            for row in range(size):
                for column in range(size):
                    above, beside = y + row - size // 2, x + column - size // 2
                    if 0 <= above < height and 0 <= beside < width:
                        here = [float(maps[channel, above, beside]) for channel in range(channels)]
                        total += float(weight[0, row, column]) * sum(here) / channels
                        total += float(weight[1, row, column]) * max(here)
            result[:, y, x] = maps[:, y, x] / (1 + math.exp(-total))
    return result


def test_the_gate_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    gate = SpatialGate(7)
    maps = normal(1, 2, 3, 9, 8)
    expected = torch.stack(
        [gated_by_hand(image, gate.convolution.weight.detach()[0]) for image in maps]
    )
    assert sum(parameter.numel() for parameter in gate.parameters()) == 2 * 7 * 7
    assert torch.allclose(gate(maps), expected, atol=1e-5)


def test_it_stands_after_the_first_block_alone():
    gated = RepVggSa(RepVggSaSettings(image_size=32))
    plain = RepVggSa(RepVggSaSettings(image_size=32, gate=0))
    for baseline in (gated, plain):
        baseline.build(3, CPU)
    gates = [name for name, part in gated.network.named_modules() if isinstance(part, SpatialGate)]
    assert gates == ["backbone.stem.1"]
    assert not any(isinstance(part, SpatialGate) for part in plain.network.modules())
    # a gate of zeros halves what leaves the first block
    first_block = gated.network.get_submodule("backbone.stem.0")
    gate = gated.network.get_submodule("backbone.stem.1")
    gate.get_parameter("convolution.weight").data.zero_()
    images = normal(0, 2, 3, 32, 32)
    whole = gated.network.get_submodule("backbone.stem")
    assert torch.allclose(whole(images), first_block(images) / 2)


def test_gradient_reaches_all_its_weights():
    assert_gradient_reaches_all(RepVggSa(RepVggSaSettings(**SMALL, passes=10)))


@pytest.mark.slow
def test_it_learns_twenty_pictures_by_heart():
    assert_overfits(RepVggSa, RepVggSaSettings(**SMALL, passes=1_500))


@pytest.mark.parametrize("gate", [2, -7])
def test_a_gate_without_a_centre_is_refused(gate: int):
    with pytest.raises(UserError, match=rf"gate={gate} is out of bounds .allowed: an odd number"):
        RepVggSaSettings(gate=gate)
