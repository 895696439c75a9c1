"""Sums by image against a plain loop over every answer."""

import numpy as np
import pytest

from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness, Design, difference_moments
from tests.helpers.simulation import drawn_design

POOLS = {"equal": ((0, 20), (20, 20), (40, 20)), "unequal": ((0, 20), (20, 12), (32, 31))}


def influence_by_loops(design, value_TNQ) -> tuple[float, float]:
    """(mean, standard error) by the formula of the docstring, one image after another."""
    ways, shots = design.support_TNK.shape[1:]
    episodes = range(len(design.classes_TN))
    accuracy = [
        np.mean([v[q >= 0].mean() for v, q in zip(value_TNQ[t], design.query_TNQ[t], strict=True)])
        for t in episodes
    ]
    variance = np.var(accuracy, ddof=1) / len(accuracy)
    for label in range(3):
        holds = [t for t in episodes if label in design.classes_TN[t]]
        theta, var = (
            np.mean([accuracy[t] for t in holds]),
            np.var([accuracy[t] for t in holds], ddof=1),
        )
        recall, support, noise = [], [], []
        for image in np.flatnonzero(design.labels_M == label):
            values = value_TNQ[design.query_TNQ == image]
            inside = [accuracy[t] for t in holds if image in design.support_TNK[t]]
            if len(values):
                recall.append(values.mean())
                support.append(np.mean(inside) - theta if inside else 0.0)
                noise.append(
                    (shots**2 * var / len(inside) if inside else 0)
                    + values.var() / (ways**2 * len(values))
                )
        influence = shots * np.array(support) + (np.array(recall) - np.mean(recall)) / ways
        variance += (
            (len(holds) / len(accuracy)) ** 2
            * max(0, influence.var(ddof=1) - np.mean(noise))
            / len(recall)
        )
    return float(np.mean(accuracy)), float(np.sqrt(variance))


@pytest.mark.parametrize("queries", [4, None])
@pytest.mark.parametrize(("pool", "ways"), [("equal", 3), ("unequal", 3), ("unequal", 2)])
def test_one_baseline_and_a_difference_equal_a_plain_loop(
    pool: str, ways: int, queries: int | None
):
    design = drawn_design(POOLS[pool], ways, 2, queries, 300)
    rng = np.random.default_rng(0)
    easy = rng.random(len(design.labels_M))  # of an image, so that images have an influence
    first, second = (
        [rng.random(design.query_TNQ.shape) < 0.3 + 0.6 * easy[design.query_TNQ] for _ in range(n)]
        for n in (2, 3)
    )
    one, other = Correctness(design, first), Correctness(design, second)
    for moments, values in (
        (one.moments, np.mean(first, 0)),
        (difference_moments(one, other), np.mean(first, 0) - np.mean(second, 0)),
    ):
        found = stats.influence(design, moments)
        assert (found.mean, found.se) == pytest.approx(influence_by_loops(design, values))


def test_an_image_is_wrong_when_any_seed_ever_was_and_apart_when_ever_answered_differently():
    design = drawn_design(POOLS["equal"], 3, 1, 5, 500)
    first, second = design.query_TNQ != 3, design.query_TNQ != 7
    both = Correctness(design, [first, second])
    assert np.flatnonzero(both.moments.wrong_M).tolist() == [3, 7]
    assert np.flatnonzero(
        difference_moments(both, Correctness(design, [first])).wrong_M
    ).tolist() == [3, 7]
    assert not difference_moments(both, both).wrong_M.any()


def test_many_seeds_are_counted_without_overflow():
    design = drawn_design(POOLS["equal"], 3, 1, 5, 50)
    all_right = [np.ones(design.query_TNQ.shape, dtype=bool)] * 20
    moments = Correctness(design, all_right).moments
    assert (moments.sum_M == design.queries_M).all()
    assert moments.square_M == pytest.approx(design.queries_M)
    assert not difference_moments(
        Correctness(design, all_right), Correctness(design, all_right[:1])
    ).wrong_M.any()


def test_accuracy_of_an_episode_is_the_mean_of_its_class_recalls():
    design = Design(
        classes_TN=np.array([[0, 1]]),
        support_TNK=np.array([[[0], [4]]]),
        query_TNQ=np.array([[[1, 2, 3], [5, -1, -1]]]),
        labels_M=np.array([0, 0, 0, 0, 1, 1]),
    )
    right = np.array(
        [[[True, False, False], [True, True, False]]]
    )  # what stands at padding means nothing
    assert Correctness(design, [right]).accuracy_ST.tolist() == [pytest.approx([(1 / 3 + 1) / 2])]
