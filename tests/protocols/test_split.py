"""Splits drawn by run: disjoint, stratified, and the same for the same seed."""

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.mixedwm38 import CLASSES, MixedWM38
from fewshot_bench.plugins.episodes.neu import Neu
from scipy import stats as known

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.protocols.split import DrawnRuns

KEY = "5" * 64


POOL = ((0, 40), (40, 25), (65, 31))


def drawn(
    train: float = 5, test: float | None = None, references: int = 50, key: str = KEY
) -> DrawnRuns:
    return DrawnRuns(POOL, train, test, references, key)


@pytest.mark.parametrize(("train", "test"), [(5, None), (0.6, None), (5, 19), (5, 0.2), (0.8, 0.2)])
def test_train_and_test_images_are_disjoint_and_stratified(train: float, test: float | None):
    source = drawn(train, test)
    for number in range(4):
        trained, episode = source.train_images(number), source.draw(number, number + 1)
        asked = episode.query_TNQ[episode.is_query_TNQ]
        assert len(np.unique(trained)) == len(trained)
        assert not set(trained) & set(asked)
        assert set(episode.support_TNK.ravel()) <= set(trained)
        for label, (first, count) in enumerate(POOL):
            here = [
                ((images >= first) & (images < first + count)).sum() for images in (trained, asked)
            ]
            assert here == [source.train_counts[label], source.test_counts[label]]
            assert here[0] == (train if train >= 1 else round(train * count))
    assert sum(source.test_counts) == (19 if test == 19 else sum(source.test_counts))


def test_a_run_depends_on_the_seed_and_its_number_alone():
    together = drawn().draw(0, 6)
    for number in range(6):
        alone = drawn().draw(number, number + 1)
        assert np.array_equal(alone.query_TNQ[0], together.query_TNQ[number])
        assert np.array_equal(alone.support_TNK[0], together.support_TNK[number])
    assert len({drawn().train_images(number).tobytes() for number in range(6)}) == 6
    assert not np.array_equal(drawn().train_images(0), drawn(key="6" * 64).train_images(0))


def test_a_larger_train_size_holds_the_smaller_one_and_a_given_test_set_stays():
    small, large = drawn(5, 0.2), drawn(15, 0.2)
    for number in range(3):
        assert set(small.train_images(number)) < set(large.train_images(number))
        assert np.array_equal(
            small.draw(number, number + 1).query_TNQ, large.draw(number, number + 1).query_TNQ
        )


def test_every_image_is_as_likely_to_be_trained_on():
    counts = sum(
        np.bincount(drawn(10).train_images(number), minlength=96) for number in range(2000)
    )
    for first, size in POOL:
        assert known.chisquare(counts[first : first + size]).pvalue > 1e-3


def test_references_are_as_many_of_each_class_and_at_most_the_number_given():
    assert drawn(0.8).draw(0, 1).support_TNK.shape == (1, 3, 20)  # 80 % of the smallest class, 25
    assert drawn(0.8, references=7).draw(0, 1).support_TNK.shape == (1, 3, 7)
    assert drawn(3).draw(0, 1).support_TNK.shape == (1, 3, 3)


@pytest.mark.parametrize(
    ("train", "test"), [(25, None), (30, None), (0.001, None), (20, 30), (0.9, 0.2)]
)
def test_sizes_that_do_not_fit_name_the_class_and_the_numbers(train: float, test: float | None):
    with pytest.raises(
        UserError, match=r"does not fit a class of \d+ images: \d+ to train on and \d+ to test on"
    ):
        drawn(train, test)


def test_sizes_of_the_paper():
    """Table III is read as 180 test images, Table VI says 7,603 of MixedWM38."""
    neu = DrawnRuns(tuple((300 * at, 299 if at == 2 else 300) for at in range(6)), 10, 180, 50, KEY)
    assert neu.test_counts == [30] * 6
    sizes = [{"NF": 149, "R": 866, "D+EL+S": 2000}.get(name, 1000) for name in CLASSES]
    pool = tuple((sum(sizes[:at]), size) for at, size in enumerate(sizes))
    assert sum(sizes) == 38_015
    assert (
        sum(DrawnRuns(pool, 0.8, None, 50, KEY).test_counts)
        == sum(DrawnRuns(pool, 100, 0.2, 50, KEY).test_counts)
        == 7_603
    )
    named = {
        p.name: p for p in (*Neu.protocols, *MixedWM38.protocols) if isinstance(p, Classification)
    }
    assert {name: (p.train_sizes, p.test_images, p.runs) for name, p in named.items()} == {
        "neu-classify": ((0.8, 0.7, 0.6), None, 10),
        "neu-small": ((10, 20, 50), None, 10),
        "mixedwm38-classify": ((0.8,), None, 10),
        "mixedwm38-small": ((20, 50, 100), 0.2, 10),
    }
