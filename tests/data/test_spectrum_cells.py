"""In a large data set spectra are compared within cells, and most of what is alike is found."""

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings

from fewshot_bench.data.copy_search import similar_pairs
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.near_duplicates import MOST_WITH_ALL, NearDuplicates
from fewshot_bench.data.spectrum_cells import NEIGHBOURS, neighbours_in_cells


def spectra(count: int) -> np.ndarray:
    """Of length 1, each beside one that is nearly the same."""
    different = np.random.default_rng(0).normal(size=(count // 2, 40))
    pairs = np.repeat(different, 2, axis=0)
    pairs += 0.05 * np.random.default_rng(1).normal(size=pairs.shape)
    return (pairs / np.linalg.norm(pairs, axis=1, keepdims=True)).astype(np.float32)


def test_what_is_alike_is_found_in_its_view():
    count = 400
    own = spectra(count)
    elsewhere = np.random.default_rng(2).normal(size=own.shape).astype(np.float32)
    elsewhere /= np.linalg.norm(elsewhere, axis=1, keepdims=True)
    found = list(neighbours_in_cells([own, elsewhere, elsewhere, elsewhere]))
    rows = [row for row, _, _ in found]
    assert all(row != other for row, other, _ in found)
    assert len({(row, other) for row, other, _ in found}) == len(found)
    assert max(map(rows.count, range(count))) <= NEIGHBOURS
    pairs_found = {*found}
    right = sum((row, row ^ 1, 0) in pairs_found for row in range(count))
    assert right > 0.95 * count


@pytest.fixture(scope="module")
def with_copies() -> LabelledImages:
    """60 pictures, each third with a copy that is turned."""
    data = SteelSim(SteelSimSettings(per_class=10)).load(None)
    images = np.concatenate([data.images, data.images[::3].transpose(0, 1, 3, 2)])
    labels = [*data.labels.tolist(), *data.labels[::3].tolist()]
    files = [str(number) for number in range(len(labels))]
    return group_by_class("own", images, labels, data.class_names, files)


def test_copies_are_found_in_cells(with_copies: LabelledImages):
    pairs, similarity = similar_pairs(with_copies, most_with_all=10)
    everywhere, _ = similar_pairs(with_copies, most_with_all=MOST_WITH_ALL)
    assert len(everywhere) == 20
    assert {*map(tuple, pairs)} <= {*map(tuple, everywhere)}
    assert len(pairs) >= 18
    assert (similarity > 0.9).all()


@pytest.mark.parametrize(("count", "notes"), [(MOST_WITH_ALL, 0), (MOST_WITH_ALL + 1, 1)])
def test_a_search_in_cells_is_told(count: int, notes: int):
    none = np.zeros((0, 2), dtype=np.int64)
    found = NearDuplicates(none, np.zeros(0, np.float32), np.zeros(count, np.int64))
    assert len(found.notes) == notes
