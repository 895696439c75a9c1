"""WSCN: its losses and its input against plain loops, its stages, and what segmentation changes."""

import dataclasses
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from fewshot_bench.plugins.baselines.wscn import (
    SOURCE_COLOURS,
    WaferDecoder,
    WaferEncoder,
    Wscn,
    WscnSettings,
    dice,
    mask_loss,
    n_pairs,
)

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import NotApplicable, UserError
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits, pictures
from tests.helpers.training import fitted_baseline, normal

FEW = {"image_size": 32, "enlarged": 32, "batch_size": 20}


def with_masks(channel: int = 2) -> LabelledImages:
    """20 pictures, of which one channel is the mask."""
    return dataclasses.replace(pictures(channels=3, side=32), mask_channel=channel)


def test_n_pairs_is_cross_entropy_against_the_images_of_the_class():
    embeddings, labels, temperature = normal(0, 4, 3), [0, 1, 0, 1], 0.5
    unit = [row / row.norm() for row in embeddings]
    losses = []
    for i in range(4):
        powers = [math.exp(float(unit[i] @ unit[j]) / temperature) for j in range(4)]
        same = [j for j in range(4) if labels[j] == labels[i]]  # i itself included
        losses.append(-sum(math.log(powers[j] / sum(powers)) for j in same) / len(same))
    loss = n_pairs(embeddings, torch.tensor(labels), temperature=temperature)
    assert loss.item() == pytest.approx(sum(losses) / 4, rel=1e-5)


def test_dice_counts_the_overlap_of_all_pixels():
    predicted = torch.tensor([[0.5, 1.0], [0.0, 0.2]])
    target = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    expected = 1 - 2 * (0.5 + 1.0) / ((0.25 + 1 + 0.04) + 2)
    assert dice(predicted, target).item() == pytest.approx(expected, rel=1e-5)
    assert dice(target, target).item() == pytest.approx(0, abs=1e-6)
    assert dice(torch.zeros(2), torch.zeros(2)).item() == 0


def test_the_loss_of_masks_is_binary_cross_entropy_and_dice():
    log_odds = normal(0, 2, 1, 4, 4)
    masks = (normal(1, 2, 1, 4, 4) > 0).float()
    cross_entropy = F.binary_cross_entropy(log_odds.sigmoid(), masks)
    expected = cross_entropy + dice(log_odds.sigmoid(), masks)
    assert torch.allclose(mask_loss(log_odds, masks), expected)


def test_maps_and_parameters_of_the_network():
    encoder, decoder = WaferEncoder(52, 224, "states"), WaferDecoder()
    maps = encoder.maps(torch.zeros(1, 3, 52, 52))
    sizes = [(tuple(one.shape[1:2]), one.shape[-1]) for one in maps]
    assert sizes == [((8,), 224), ((16,), 112), ((16,), 56), ((32,), 28), ((64,), 14)]
    assert decoder(maps).shape == (1, 1, 224, 224)
    assert encoder(torch.zeros(2, 3, 52, 52)).shape == (2, 64)
    channels, count = [3, 8, 16, 16, 32, 64], 0
    for before, after in itertools.pairwise(channels):
        count += 9 * before * after + after  # convolution
        count += 9 * after + after * after + after  # separable convolution
        count += 4 * after  # two normalisations
    assert sum(value.numel() for value in encoder.parameters()) == count


def test_input_in_the_colours_of_the_source():
    network = WaferEncoder(2, 16, "source")
    states = torch.tensor([[0, 2], [1, 2]])
    image = F.one_hot(states, 3).permute(2, 0, 1)[None] * 255
    seen = network.coloured(image.byte())[0]
    assert seen.shape == (3, 16, 16)
    for y, x in itertools.product(range(16), repeat=2):
        state = int(states[y // 8, x // 8])
        assert tuple(seen[:, y, x].tolist()) == SOURCE_COLOURS[state]
    # on a border between no die and a failed die lies a good one
    narrow = F.one_hot(torch.tensor([[0, 2, 2]] * 3), 3).permute(2, 0, 1)[None] * 255
    border = WaferEncoder(3, 16, "source").coloured(narrow.byte())[0, :, 0, 5]
    assert tuple(border.tolist()) == SOURCE_COLOURS[1]  # two thirds of it are of the failed die


def test_input_with_a_channel_a_state_or_a_grey_picture():
    network = WaferEncoder(2, 16, "states")
    image = torch.randint(0, 256, (1, 3, 2, 2), dtype=torch.uint8)
    seen = network.coloured(image)
    assert torch.allclose(seen[0, :, ::8, ::8], image[0] / 255)
    grey = network.coloured(image[:, :1])
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_it_learns_twenty_pictures_by_heart_with_all_its_weights():
    train = with_masks()
    settings = WscnSettings(**FEW, passes=160, pretraining=0.5, freeze=False)
    assert_gradient_reaches_all(Wscn(settings), train)
    settings = WscnSettings(**FEW, passes=1_600, pretraining=0.3, freeze=False)
    assert_overfits(Wscn, settings, train)


def weights(settings: WscnSettings, train: LabelledImages) -> dict[str, torch.Tensor]:
    baseline = Wscn(settings)
    fitted_baseline(baseline, train)
    return {name: value.clone() for name, value in baseline.state().items()}


def test_with_a_frozen_encoder_segmentation_changes_no_class():
    """As in the authors' code: the masks then reach the decoder alone."""
    short = {**FEW, "passes": 200, "pretraining": 0.5}
    train = with_masks()
    with_it = weights(WscnSettings(**short), train)
    without = weights(WscnSettings(**short, segmentation=False), train)
    assert set(without) < set(with_it)
    for name, value in without.items():
        assert torch.equal(value, with_it[name]), name
    end_to_end = weights(WscnSettings(**short, freeze=False), train)
    assert not torch.equal(end_to_end["classifier.2.weight"], without["classifier.2.weight"])


def test_the_second_stage_leaves_a_frozen_encoder_as_it_is():
    train = with_masks()
    first = weights(WscnSettings(**FEW, passes=100, pretraining=0.99), train)  # stage 1 alone
    both = weights(WscnSettings(**FEW, passes=200, pretraining=0.5), train)
    moved = {name.split(".")[0] for name in both if not torch.equal(first[name], both[name])}
    assert moved == {"classifier", "decoder"}


def test_without_masks_segmentation_is_not_applicable():
    settings = WscnSettings(**FEW, passes=20)
    with pytest.raises(NotApplicable, match=r"--set wscn\.segmentation=false"):
        fitted_baseline(Wscn(settings), pictures())
    fitted_baseline(Wscn(WscnSettings(**FEW, passes=20, segmentation=False)), pictures())


@pytest.mark.parametrize(
    ("setting", "value"), [("enlarged", 52), ("pretraining", 1.0), ("temperature", 0.0)]
)
def test_settings_out_of_bounds_are_refused(setting: str, value: float):
    with pytest.raises(UserError, match=rf"{setting}={value} is out of bounds"):
        WscnSettings(**{setting: value})
