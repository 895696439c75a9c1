"""DC-Net: its offset layer and its scores against plain loops."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fewshot_bench.plugins.baselines.dc_net import (
    ChannelOffsets,
    DcNet,
    DcNetSettings,
    DeformableNet,
    Offsets,
    TapConvolution,
    class_scores,
    resampled,
    scores_or_none,
)
from torch import Tensor, nn

from fewshot_bench import NotApplicable
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits
from tests.helpers.training import fitted_baseline, normal, without_progress

PARTS = ("left", "top", "centre")
MIXTURES = {"none": (), "left": ("left",), "top": ("top",), "left+top": ("left", "top")}
MIXTURES |= {"centre": ("centre",), "left+centre": ("left", "centre")}
UNSEEN = ((False, True, True), (True, True, True))  # top+centre, and all three


def drawn(defects: tuple[str, ...], count: int) -> np.ndarray:
    """Wafer maps (count, 3, 32, 32) in which bars of failed dies show the defects, and 2 % noise."""
    rng = np.random.default_rng([len(defects), *map(PARTS.index, defects)])
    failed = rng.random((count, 32, 32)) < 0.02
    if "left" in defects:
        failed[:, :, 2:7] = True
    if "top" in defects:
        failed[:, 2:7] = True
    if "centre" in defects:
        failed[:, 14:24, 14:24] = True
    states = [np.zeros_like(failed), ~failed, failed]
    return np.stack(states, axis=1).astype(np.uint8) * 255


@pytest.fixture(scope="module")
def mixtures() -> LabelledImages:
    """Six classes of wafer maps, made of three defects."""
    images = np.concatenate([drawn(defects, 12) for defects in MIXTURES.values()])
    labels = np.repeat(np.arange(len(MIXTURES)), 12).tolist()
    files = [f"map {index}" for index in range(len(images))]
    data = group_by_class("mixtures", images, labels, list(MIXTURES), files)
    return dataclasses.replace(data, defects=PARTS, composition=tuple(MIXTURES.values()))


def value_at(grid: Tensor, row: float, column: float) -> float:
    """Bilinear, coordinates beyond the border brought to it."""
    height, width = grid.shape
    row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
    top, left = math.floor(row), math.floor(column)
    value = 0.0
    for y, x in itertools.product((top, top + 1), (left, left + 1)):
        weight = (1 - abs(row - y)) * (1 - abs(column - x))
        if weight > 0:
            value += weight * grid[y, x].item()
    return value


def test_maps_are_resampled_at_one_offset_a_pixel_and_channel():
    maps = normal(0, 2, 3, 4, 5)
    offsets = 2 * normal(1, 2, 6, 4, 5)  # many lead beyond the border
    expected = torch.empty_like(maps)
    for b, c, y, x in itertools.product(*map(range, maps.shape)):
        down, right = offsets[b, 2 * c, y, x].item(), offsets[b, 2 * c + 1, y, x].item()
        expected[b, c, y, x] = value_at(maps[b, c], y + down, x + right)
    assert torch.allclose(resampled(maps, offsets), expected, atol=1e-5)


def test_without_offsets_the_layers_are_plain_convolutions():
    maps = normal(0, 2, 3, 8, 8)
    channel = ChannelOffsets(3)
    nn.init.zeros_(channel.offsets.weight)
    assert torch.allclose(channel(maps), maps, atol=1e-5)
    tap = TapConvolution(3, 4, 2)
    nn.init.zeros_(tap.offsets.weight)
    plain = F.conv2d(maps, tap.convolution.weight, tap.convolution.bias, stride=2, padding=1)
    assert torch.allclose(tap(maps), plain, atol=1e-5)


def test_offsets_begin_small_and_come_from_the_maps():
    layer = ChannelOffsets(64)
    assert layer.offsets.bias is None
    assert layer.offsets.weight.std().item() == pytest.approx(0.01, rel=0.05)
    maps = normal(0, 1, 64, 6, 6)
    assert torch.equal(layer(maps), resampled(maps, layer.offsets(maps)))


def test_parameters_as_in_the_source():
    network = DeformableNet(52, "channel")
    sizes = {name: value.numel() for name, value in network.named_parameters()}
    of_offsets = sum(size for name, size in sizes.items() if "offsets" in name)
    of_norms = 2 * (32 + 64 + 128 + 256 + 128)
    outputs = 128 * 8 + 8
    assert of_offsets == 1_566_738
    assert sum(sizes.values()) - of_offsets - of_norms + outputs == 683_912
    maps = torch.zeros(1, 1, 52, 52)
    sides = []
    for layer in network.layers:
        maps = layer(maps)
        if isinstance(layer, nn.Conv2d):
            sides.append(maps.shape[-1])
    assert sides == [26, 13, 7, 7, 4]


def decided(outputs: list[float], table: list[list[bool]]) -> int:
    """The class whose defects are just those with a sigmoid of 0.5 or more; else one too many."""
    found = [1 / (1 + math.exp(-output)) >= 0.5 for output in outputs]
    return table.index(found) if found in table else len(table)


def test_the_highest_score_is_the_decision_output_by_output():
    combinations = [list(defects) for defects in itertools.product([False, True], repeat=4)]
    table = [combinations[index] for index in (0, 1, 2, 4, 9, 12, 15)]
    outputs = normal(0, 500, 4) * 3
    scores = scores_or_none(outputs, torch.tensor(table))
    expected = [decided(row, table) for row in outputs.tolist()]
    assert scores.argmax(1).tolist() == expected
    assert set(expected) == set(range(8))
    closed = scores_or_none(outputs, torch.tensor(table), never_none=True)
    assert closed.argmax(1).max() < len(table)
    assert torch.equal(closed[:, :-1], scores[:, :-1])


def test_the_score_of_a_class_is_the_log_probability_of_its_defects_alone():
    outputs = normal(0, 5, 3)
    table = [[True, False, True], [False, False, False]]
    probabilities = outputs.sigmoid().tolist()
    expected = [
        [
            sum(math.log(p if has else 1 - p) for p, has in zip(row, defects, strict=True))
            for defects in table
        ]
        for row in probabilities
    ]
    assert torch.allclose(class_scores(outputs, torch.tensor(table)), torch.tensor(expected))


@pytest.mark.parametrize("offsets", ["channel", "tap"])
def test_it_learns_twenty_pictures_by_heart_with_all_its_weights(offsets: Offsets):
    few = {"image_size": 32, "batch_size": 20}
    assert_gradient_reaches_all(DcNet(DcNetSettings(**few, passes=40, offsets=offsets)))
    assert_overfits(DcNet, DcNetSettings(**few, passes=600, offsets=offsets))


def test_it_recognises_mixtures_and_composes_those_that_it_never_saw(mixtures: LabelledImages):
    baseline = DcNet(DcNetSettings(image_size=32, passes=900))
    fitted_baseline(baseline, mixtures)
    loaded = DcNet(baseline.settings)
    loaded.load(baseline.state(), context=without_progress())
    known = torch.from_numpy(mixtures.images)
    scores = loaded.logits(known)
    assert torch.equal(scores, baseline.logits(known))
    assert scores.shape == (72, 7)
    assert (scores.argmax(1).numpy() == mixtures.labels).mean() > 0.9
    unseen = torch.from_numpy(drawn(("top", "centre"), 12))
    composed = loaded.compose(unseen, torch.tensor(UNSEEN))
    assert composed.shape == (12, 2)
    assert (composed.argmax(1) == 0).float().mean() > 0.8
    # no class is made of these two: most are called another combination
    assert (loaded.logits(unseen).argmax(1) == 6).float().mean() > 0.5


def test_a_decision_output_by_output_is_not_averaged_over_views(mixtures: LabelledImages):
    images = torch.from_numpy(mixtures.images[:4])
    eight = DcNet(DcNetSettings(image_size=32, passes=40, views=8))
    fitted_baseline(eight, mixtures)
    with pytest.raises(NotApplicable, match=r"dc_net\.decision=classes"):
        eight.logits(images)
    closed = DcNet(DcNetSettings(image_size=32, passes=40, views=8, decision="classes"))
    fitted_baseline(closed, mixtures)
    assert closed.logits(images).shape == (4, 7)


def test_gradient_descent_as_in_the_source():
    baseline = DcNet(DcNetSettings(optimiser="sgd", learning_rate=1e-4))
    optimiser = baseline.optimiser([nn.Parameter(torch.ones(1))])
    assert isinstance(optimiser, torch.optim.SGD)
    (group,) = optimiser.param_groups
    assert (group["lr"], group["momentum"], group["nesterov"]) == (1e-4, 0.9, True)
    assert isinstance(DcNet().optimiser([nn.Parameter(torch.ones(1))]), torch.optim.Adam)
