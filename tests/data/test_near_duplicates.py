"""Made copies are found, different pictures are not taken for copies."""

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.neu import Neu
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings
from PIL import Image

from fewshot_bench.data import copy_search
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.near_duplicates import NearDuplicates, near_duplicates

Pixels = np.ndarray


@pytest.fixture(scope="module")
def different() -> LabelledImages:
    """120 pictures that differ, 20 of each class."""
    return SteelSim(SteelSimSettings(per_class=20)).load(None)


def grouped(images: list[Pixels], labels: list[int], classes: int = 1) -> LabelledImages:
    """Grey images, in the order of their labels."""
    names = [f"c{label}" for label in range(classes)]
    files = [f"{index}.png" for index in range(len(images))]
    return group_by_class("own", np.stack(images)[:, None], labels, names, files)


def with_copies(data: LabelledImages, copied: Callable[[Pixels], Pixels]) -> NearDuplicates:
    """What is found where each third image has a copy, behind all others of its class."""
    images = list(data.images[:, 0])
    copies = [copied(image) for image in images[::3]]
    labels = [*data.labels.tolist(), *data.labels[::3].tolist()]
    return near_duplicates(grouped([*images, *copies], labels, len(data.class_names)))


def jpeg(image: Pixels, quality: int = 50) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def brighter(image: Pixels) -> Pixels:
    return np.clip(1.2 * image + 15, 0, 255).astype(np.uint8)


def shifted(image: Pixels, pixels: int = 2) -> Pixels:
    return np.pad(image, ((pixels, 0), (pixels, 0)), mode="reflect")[:-pixels, :-pixels]


def cropped_elsewhere(image: Pixels) -> Pixels:
    """The same strip, three tenths further on: the rest is another surface."""
    rest = 3 * image.shape[1] // 10
    return np.concatenate([image[:, rest:], image[::-1, :rest]], axis=1)


def noisy(image: Pixels) -> Pixels:
    noise = np.random.default_rng(int(image.sum())).normal(0, 5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


MADE = {
    "re-encoded": jpeg,
    "brighter": brighter,
    "shifted": shifted,
    "cropped elsewhere": cropped_elsewhere,
    "mirrored": np.fliplr,
    "turned": np.rot90,
    "turned and mirrored": np.transpose,
    "turned, shifted, re-encoded": lambda image: jpeg(shifted(np.rot90(image)), 75),
    "noisy": noisy,
}


@pytest.mark.parametrize("copied", MADE.values(), ids=MADE)
def test_of_made_copies_95_percent_are_found(different: LabelledImages, copied):
    found = with_copies(different, copied)
    copies = len(different.images[::3])
    assert 0.95 * copies <= len(found.later) <= copies
    assert len(found.across) == 0


def test_of_different_pictures_less_than_1_in_1000_is_taken_for_a_copy():
    data = SteelSim().load(None)
    assert len(data) == 600
    assert len(near_duplicates(data).pairs) == 0


def test_plain_pictures_are_no_copies_of_one_another():
    rng = np.random.default_rng(0)
    plain = [np.full((32, 32), level, dtype=np.uint8) for level in range(90, 110)]
    uneven = [np.outer(np.arange(32), np.full(32, slope)).astype(np.uint8) for slope in range(1, 9)]
    grainy = [rng.normal(100, 2, (32, 32)).astype(np.uint8) for _ in range(20)]
    images = [*plain, *uneven, *grainy]
    assert len(near_duplicates(grouped(images, [0] * len(images))).pairs) == 0


def test_pictures_of_one_product_in_one_pose_are_no_copies_but_a_copy_is():
    rng = np.random.default_rng(0)
    product = np.kron(rng.integers(60, 200, (16, 16)), np.ones((4, 4)))
    images = []
    for _ in range(20):
        image = product + rng.normal(0, 3, product.shape)
        top, left = rng.integers(0, 52, 2)
        image[top : top + 12, left : left + 12] = rng.integers(0, 256, (12, 12))
        images.append(np.clip(image, 0, 255).astype(np.uint8))
    images.append(jpeg(images[0], 90))
    found = near_duplicates(grouped(images, [0] * len(images)))
    assert found.pairs.tolist() == [[0, 20]]


def test_the_channels_of_a_picture_count():
    """A wafer map has one channel for each state of a die: their sum is the same everywhere."""
    rng = np.random.default_rng(0)
    states = rng.integers(0, 3, (12, 26, 26))
    states[11] = np.rot90(states[3])
    maps = np.stack([states == state for state in range(3)], axis=1)
    images = 255 * maps.astype(np.uint8)
    files = [f"{index}.png" for index in range(12)]
    data = group_by_class("maps", images, [0] * 12, ["c"], files)
    assert near_duplicates(data).pairs.tolist() == [[3, 11]]


def test_of_a_cluster_all_but_the_first_are_later_ones_and_two_classes_stay_apart():
    pairs = np.array([[3, 4], [1, 4], [0, 2], [2, 5]])
    labels = np.array([0, 0, 0, 0, 0, 1])
    found = NearDuplicates(pairs, np.ones(4, dtype=np.float32), labels)
    assert found.clusters.tolist() == [0, 1, 0, 1, 1, 5]
    assert found.later.tolist() == [2, 3, 4]
    assert [found.later_in(label) for label in (0, 1)] == [3, 0]
    assert found.across.tolist() == [3]


def test_pairs_in_two_classes_are_found(different: LabelledImages):
    images = list(different.images[:, 0])
    labels = [*different.labels.tolist(), 5]
    data = grouped([*images, np.flipud(images[7])], labels, 6)
    found = near_duplicates(data)
    assert found.pairs[found.across].tolist() == [[7, 120]]
    assert len(found.later) == 0


@pytest.mark.parametrize("side", [1, 7, 8, 9, 33])
def test_any_size_can_be_searched(side: int):
    rng = np.random.default_rng(side)
    images = [rng.integers(0, 256, (side, side)).astype(np.uint8) for _ in range(5)]
    images.append(np.fliplr(images[0]))
    expected = [[0, 5]] if side >= 9 else []
    found = near_duplicates(grouped(images, [0, 0, 0, 1, 1, 1], 2))
    assert found.pairs.tolist()[: len(expected)] == expected


def test_they_are_searched_once(different: LabelledImages, monkeypatch: pytest.MonkeyPatch):
    data = dataclasses.replace(different, digest="0" * 64)
    first = near_duplicates(data)
    monkeypatch.delattr(copy_search, "similar_pairs")
    again = near_duplicates(data)
    assert np.array_equal(again.pairs, first.pairs)
    assert np.array_equal(again.similarity, first.similarity)


@pytest.mark.slow
def test_neu_holds_what_the_documentation_says(shared_data: Path):
    found = near_duplicates(Neu().load(shared_data / "NEU-CLS.zip"))
    assert len(found.labels) == 1799
    assert 600 <= len(found.later) <= 650
    assert len(found.across) == 0
