"""Version 2 of steel-sim: what classes share, and what tells them apart."""

from collections.abc import Iterator

import numpy as np
import pytest
from fewshot_bench.plugins.episodes._steel_sim_2 import ARRANGEMENTS, Places
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings

MARKS = 400


def drawings(class_name: str) -> Iterator[Places]:
    for seed in range(30):
        yield ARRANGEMENTS[class_name](MARKS, np.random.default_rng(seed))


@pytest.mark.parametrize("class_name", ARRANGEMENTS)
def test_each_class_places_all_of_its_marks(class_name: str):
    for places in drawings(class_name):
        assert places.shape == (MARKS, 2)
        assert np.abs(places).max() < 2.2


def crowding(places: Places) -> float:
    """The share of a coarse grid's cells that have a mark: small for few compact things."""
    cells = np.unique(np.floor(places * 8).astype(int), axis=0)
    return len(cells) / 16**2


def test_classes_differ_in_arrangement():
    mean = {name: np.mean([crowding(it) for it in drawings(name)]) for name in ARRANGEMENTS}
    few_compact = max(mean["Inclusion"], mean["Patches"], mean["Rolled-in_Scale"])
    assert 1.5 * few_compact < min(mean["Crazing"], mean["Pitted_Surface"])


def test_inclusions_follow_the_rolling_direction():
    for places in drawings("Inclusion"):
        spread = np.abs(places[:, None] - places[None]).reshape(-1, 2)
        near = spread[spread.sum(axis=1) < 0.2]
        assert near[:, 0].mean() > 1.2 * near[:, 1].mean()  # longer than wide


def test_scratches_have_any_direction_and_are_parallel():
    """Second moments of the ways between near marks: long in one direction, another each time."""
    turns = []
    for places in drawings("Scratches"):
        ways = (places[:, None] - places[None]).reshape(-1, 2)
        near = ways[np.abs(ways).sum(axis=1) < 0.2]
        short, long = np.linalg.eigvalsh(near.T @ near)
        assert long > 2 * short
        turns.append(np.linalg.eigh(near.T @ near)[1][0, 1] ** 2)
    assert min(turns) < 0.2
    assert max(turns) > 0.8


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """(class, image, side, side) in grey levels of 0 to 1."""
    data = SteelSim(SteelSimSettings(per_class=40, side=64))._generate()
    return np.asarray(data.images, dtype=float).reshape(6, 40, 64, 64) / 255


def test_grey_levels_and_contrast_do_not_tell_the_class(pictures: np.ndarray):
    """Classes differ less in their means than images of one class differ."""
    for statistic in (pictures.mean(axis=(2, 3)), pictures.std(axis=(2, 3))):
        between = statistic.mean(axis=1).std()
        within = statistic.std(axis=1).mean()
        assert between < 0.6 * within


def test_pixels_tell_nothing(pictures: np.ndarray):
    """One reference of each class: the nearest is hardly more often right than by chance."""
    flat = pictures.reshape(6, 40, -1)
    centred = flat - flat.mean(axis=2, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=2, keepdims=True)
    accuracies = []
    for shot in range(10):
        chosen = np.einsum("cid,kd->cik", unit[:, 10:], unit[:, shot]).argmax(axis=2)
        accuracies.append((chosen == np.arange(6)[:, None]).mean())
    assert np.mean(accuracies) < 0.25  # 1/6 by chance
