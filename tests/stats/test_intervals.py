"""Intervals: against closed forms, and their coverage by simulation."""

import math

import numpy as np
import pytest
from scipy import stats as known

from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness, Design
from tests.helpers.simulation import DATA_SETS, HIGH, LOW, answers, drawn_design, pool_of


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


def test_closed_half_width():
    accuracy = np.array([0.5, 0.7, 0.9, 0.7])
    assert stats.closed_half_width(accuracy) == pytest.approx(1.96 * np.std(accuracy, ddof=1) / 2)
    assert math.isnan(stats.closed_half_width(accuracy[:1]))


@pytest.mark.parametrize(("share", "count"), [(0.9, 50), (1.0, 30), (0.0, 7), (0.5, 900)])
def test_wilson_equals_scipy(share: float, count: int):
    expected = known.binomtest(round(share * count), count).proportion_ci(method="wilson")
    assert stats.wilson(share, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_wrong_gives_the_rule_of_three_and_never_a_width_of_zero():
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 500)
    found = stats.estimate(Correctness(design, [np.ones(design.query_TNQ.shape, dtype=bool)]))
    assert (found.kind, found.accuracy, found.high) == ("rule-of-three", 1.0, 1.0)
    assert found.low == pytest.approx(1 - 3 / 120)


def test_few_errors_give_wilson_on_images():
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 500)
    correct = design.query_TNQ != 7  # one image is always wrong
    found = stats.estimate(Correctness(design, [correct]))
    assert found.kind == "wilson"
    assert (found.low, found.high) == pytest.approx(stats.wilson(found.accuracy, 120))


def test_interval_does_not_shrink_to_nothing_with_more_episodes():
    """The images stay the same 120, so that ten times the episodes must not make the interval ten times narrower."""
    widths, closed = [], []
    for episodes in (2000, 20_000):
        design = drawn_design(pool_of(3, 40), 3, 1, 5, episodes)
        correct = answers(np.random.default_rng(1), design)
        found = stats.estimate(Correctness(design, [correct]))
        widths.append(found.high - found.low)
        closed.append(stats.closed_half_width(Correctness(design, [correct]).accuracy_ST[0]))
    assert widths[1] > 0.8 * widths[0]
    assert closed[1] < 0.4 * closed[0]


def test_seeds_widen_the_interval_by_their_own_part():
    design = drawn_design(pool_of(3, 60), 3, 1, 5, 2000)
    rng = np.random.default_rng(2)
    correct = answers(rng, design)
    worse = correct & (rng.random(correct.shape) >= 0.15)
    both = Correctness(design, [correct, worse])
    one, two = stats.estimate(Correctness(design, [correct])), stats.estimate(both)
    means = both.accuracy_ST.mean(1)
    assert two.se_seeds == pytest.approx(np.std(means, ddof=1) / math.sqrt(2))
    assert two.kind == "image-influence+seeds"
    assert two.accuracy == pytest.approx(np.mean(means))
    assert two.high - two.low > one.high - one.low


@pytest.mark.parametrize(
    ("classes", "ways", "shots", "episodes", "enough"),
    [(3, 3, 1, 2000, True), (3, 3, 1, 100, False), (20, 2, 1, 2000, False)],
)
def test_episodes_needed(classes: int, ways: int, shots: int, episodes: int, enough: bool):
    needed = drawn_design(pool_of(classes, 100), ways, shots, 5, episodes).episodes_needed()
    assert (needed == 0) is enough
    assert needed == 0 or needed >= 2000


@pytest.mark.parametrize(("classes", "ways", "shots"), [(3, 3, 1), (3, 3, 5), (4, 2, 1)])
def test_coverage(classes: int, ways: int, shots: int):
    """Nominal 95 % over other images of the same classes; the truth is the mean over all simulated data sets."""
    rng = np.random.default_rng(classes * 100 + ways * 10 + shots)
    design = drawn_design(pool_of(classes, 60), ways, shots, 10, 2000)
    found = [stats.estimate(Correctness(design, [answers(rng, design)])) for _ in range(DATA_SETS)]
    truth = np.mean([estimate.accuracy for estimate in found])
    coverage = np.mean([estimate.low <= truth <= estimate.high for estimate in found])
    assert LOW <= coverage <= HIGH
