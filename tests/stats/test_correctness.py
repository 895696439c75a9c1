"""Sums by unit against a plain loop over every answer."""

import numpy as np
import pytest

from fewshot_bench.stats.correctness import Correctness, difference_moments, mean_by_unit
from fewshot_bench.stats.design import Design
from tests.helpers.simulation import drawn_design

POOLS = {"equal": ((0, 20), (20, 20), (40, 20)), "unequal": ((0, 20), (20, 12), (32, 31))}


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("queries", [4, None])
@pytest.mark.parametrize(("pool", "ways"), [("equal", 3), ("unequal", 2)])
def test_sums_of_one_baseline_and_of_a_difference_equal_a_plain_loop(
    pool: str, ways: int, queries: int | None, groups: bool
):
    design = drawn_design(POOLS[pool], ways, 2, queries, 300)
    if groups:
        groups_M = np.arange(len(design.labels_M)) // 3
        design = Design(
            design.classes_TN, design.support_TNK, design.query_TNQ, design.labels_M, groups_M
        )
    rng = np.random.default_rng(0)
    first = [rng.random(design.query_TNQ.shape) < 0.7 for _ in range(2)]
    second = [rng.random(design.query_TNQ.shape) < 0.4 for _ in range(3)]
    one = Correctness(design, first)
    other = Correctness(design, second)
    for moments, value_TNQ in (
        (one.moments, np.mean(first, 0)),
        (difference_moments(one, other), np.mean(first, 0) - np.mean(second, 0)),
    ):
        for unit in range(len(design.units.class_U)):
            images = np.flatnonzero(design.units.of_M == unit)
            values = value_TNQ[np.isin(design.query_TNQ, images)]
            assert moments.sum_U[unit] == pytest.approx(values.sum())
            assert moments.square_U[unit] == pytest.approx(np.square(values).sum())
            assert design.queries_U[unit] == len(values)
            assert design.supports_U[unit] == np.isin(design.support_TNK, images).sum()
            assert mean_by_unit(design, moments)[unit] == pytest.approx(values.mean())
        for episode, way in np.ndindex(design.classes_TN.shape):
            is_query = design.query_TNQ[episode, way] >= 0
            recall = value_TNQ[episode, way][is_query].mean()
            assert moments.recall_TN[episode, way] == pytest.approx(recall)


def test_groups_of_two_classes_are_two_units():
    labels = np.array([0, 0, 0, 1, 1])
    empty = np.zeros((1, 2, 1), dtype=int)
    design = Design(np.array([[0, 1]]), empty, empty, labels, groups_M=np.array([5, 5, 7, 7, 9]))
    units = design.units
    assert units.of_M.tolist() == [0, 0, 1, 2, 3]
    assert units.class_U.tolist() == [0, 0, 1, 1]
    assert units.group_U.tolist() == [5, 7, 7, 9]
    assert units.images_U.tolist() == [2, 1, 1, 1]


def test_an_image_is_wrong_when_any_seed_ever_was_and_apart_when_ever_answered_differently():
    design = drawn_design(POOLS["equal"], 3, 1, 5, 500)
    first = design.query_TNQ != 3
    second = design.query_TNQ != 7
    both = Correctness(design, [first, second])
    assert np.flatnonzero(both.moments.wrong_U).tolist() == [3, 7]
    apart = difference_moments(both, Correctness(design, [first])).wrong_U
    assert np.flatnonzero(apart).tolist() == [3, 7]
    assert not difference_moments(both, both).wrong_U.any()


def test_many_seeds_are_counted_without_overflow():
    design = drawn_design(POOLS["equal"], 3, 1, 5, 50)
    all_right = [np.ones(design.query_TNQ.shape, dtype=bool)] * 20
    twenty = Correctness(design, all_right)
    assert (twenty.moments.sum_U == design.queries_U).all()
    assert twenty.moments.square_U == pytest.approx(design.queries_U)
    assert not difference_moments(twenty, Correctness(design, all_right[:1])).wrong_U.any()


def test_accuracy_of_an_episode_is_the_mean_of_its_class_recalls():
    design = Design(
        classes_TN=np.array([[0, 1]]),
        support_TNK=np.array([[[0], [4]]]),
        query_TNQ=np.array([[[1, 2, 3], [5, -1, -1]]]),
        labels_M=np.array([0, 0, 0, 0, 1, 1]),
    )
    # what stands at padding means nothing
    right = np.array([[[True, False, False], [True, True, False]]])
    assert Correctness(design, [right]).accuracy_ST.tolist() == [pytest.approx([(1 / 3 + 1) / 2])]
