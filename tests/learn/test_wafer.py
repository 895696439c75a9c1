"""What methods for wafer maps share, against values worked out by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn import KerasBatchNorm, area_resize, die_numbers, measure_moments
from tests.helpers.training import normal


def test_states_of_dies_become_numbers():
    no_die, good, failed = torch.eye(3, dtype=torch.uint8)[:, None, :, None, None] * 255
    assert [die_numbers(image).item() for image in (no_die, good, failed)] == [0, 1, 2]
    grey = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 1, 1, 3)
    assert torch.allclose(die_numbers(grey).ravel(), torch.tensor([0, 0.4, 2]))


def area_means(image: list[list[float]], size: int) -> list[list[float]]:
    """Each new pixel, cut into 12 x 12 parts that each lie in one old pixel."""
    side, parts = len(image), 12
    at = [
        [(i * parts + part) * side // (size * parts) for part in range(parts)] for i in range(size)
    ]
    return [
        [sum(image[y][x] for y in rows for x in columns) / parts**2 for columns in at]
        for rows in at
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 6])
def test_a_resized_pixel_is_the_mean_of_its_area(size: int):
    image = [[0.0, 2.0, 1.0], [2.0, 2.0, 0.0], [1.0, 0.0, 5.0]]
    resized = area_resize(torch.tensor([[image]]), size)
    assert torch.allclose(resized[0, 0], torch.tensor(area_means(image, size)), atol=1e-6)


def test_an_enlarged_border_between_no_die_and_a_failed_one_is_half_way():
    row = area_resize(torch.tensor([[[[0.0, 2.0]]]]), 3)[0, 0, 0]
    assert row.tolist() == pytest.approx([0, 1, 2])


def test_moments_of_batches_keep_more_and_more_but_no_more_than_in_keras():
    norm = KerasBatchNorm(1)
    mean = 0.0
    for batch in range(3):
        values = normal(batch, 4, 1, 2, 2) + 3
        norm(values)
        kept = (1 + batch) / (10 + batch)
        mean = kept * mean + (1 - kept) * values.mean().item()
    assert norm.running_mean is not None
    assert norm.running_mean.item() == pytest.approx(mean)
    norm.num_batches_tracked = torch.tensor(100_000)
    norm(torch.full((2, 1, 1, 1), 100.0))
    assert norm.running_mean.item() == pytest.approx(0.99 * mean + 1)


def test_normalisation_has_the_epsilon_of_keras():
    norm = KerasBatchNorm(2).eval()
    values = normal(0, 3, 2, 4, 4)
    expected = F.batch_norm(values, torch.zeros(2), torch.ones(2), eps=1e-3)
    assert torch.equal(norm(values), expected)
    assert isinstance(norm, nn.BatchNorm2d)


def test_moments_are_measured_anew_by_the_mean_of_batches(blobs: LabelledImages):
    network = nn.Sequential(nn.Dropout(0.5), KerasBatchNorm(1)).train()
    network.image_size = 32  # type: ignore[assignment]
    network(normal(0, 4, 1, 32, 32))  # of earlier weights
    measure_moments(network, blobs)
    assert not network.training
    norm = network[1]
    assert isinstance(norm, KerasBatchNorm)
    images = torch.from_numpy(blobs.images).float()
    batches = [images[first::3] for first in range(3)]  # 120 images, 32 or more at once
    means = [batch.mean().item() for batch in batches]
    variances = [batch.var().item() for batch in batches]
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.running_mean.item() == pytest.approx(sum(means) / 3, rel=1e-4)
    assert norm.running_var.item() == pytest.approx(sum(variances) / 3, rel=1e-4)
    network.train()
    network(images)
    assert norm.momentum is not None  # training goes on as before
