"""Intervals: against closed forms, and their coverage by simulation."""

import math

import numpy as np
import pytest
from scipy import stats as known

from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness
from tests.helpers.simulation import (
    DATA_SETS,
    HIGH,
    LOW,
    answers,
    correctness_of_runs,
    drawn_design,
    pool_of,
)


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


def test_means_over_images():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [30, 10])
    values = rng.random((1, 40)) + labels
    found = stats.over_images(values, labels, share=False)
    se = np.sqrt(
        sum((n / 40) ** 2 * values[0, labels == c].var(ddof=1) / n for c, n in ((0, 30), (1, 10)))
    )
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 2.0227 * se, rel=1e-3)
    one, zero = np.zeros(20, dtype=int), np.zeros((1, 20))
    assert stats.over_images(zero + 1, one, share=True) == stats.Mean(
        1.0, stats.wilson(1.0, 20)[0], 1.0
    )
    assert stats.over_images(zero, one, share=False) == stats.Mean(0.0, 0.0, 0.0), (
        "a difference is no share"
    )
    several = stats.over_images(np.stack([values[0], values[0] + 1]), labels, share=False)
    assert several.high - several.low > 5, "two trainings that far apart say little"
    assert stats.over_images(np.array([[0.1, 0.2], [0.8, 0.9]]), one[:2], share=True).low == 0
    lonely = stats.over_images(values[:, :3], np.arange(3), share=True)
    assert np.isfinite(lonely.mean)
    assert np.isnan([lonely.low, lonely.high]).all(), "one image of a class says nothing of others"
    assert np.isnan(stats.over_images(np.empty((1, 0)), np.empty(0, dtype=int), share=True).mean)


def test_the_interval_covers_what_it_claims():
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1, 2], 40)
    held = 0
    for _ in range(1000):
        found = stats.over_images(rng.beta(2, 3 + labels)[None], labels, share=True)
        held += found.low <= np.mean([2 / 5, 2 / 6, 2 / 7]) <= found.high
    assert 0.93 <= held / 1000 <= 0.97


def test_the_interval_over_runs_is_the_formula_of_its_docstring():
    rng = np.random.default_rng(0)
    sizes, runs = [60, 30], 5
    hard = rng.uniform(0.3, 1.0, (2, 60))
    correct = correctness_of_runs(rng.random((runs, 2, 60)) < hard, sizes)
    recall_RC = np.array(
        [[correct.right_STNQ[0][r, c, :n].mean() for c, n in enumerate(sizes)] for r in range(runs)]
    )
    for weights in (np.array([2 / 3, 1 / 3]), np.array([0.5, 0.5]), np.array([1.0, 0.0])):
        found = stats.estimate_over_runs(correct, weights)
        images = [
            correct.right_STNQ[0][:, c, :n].mean(0).var(ddof=1) / n for c, n in enumerate(sizes)
        ]
        is_classification = (recall_RC @ weights).var(ddof=1) / runs
        assert found.accuracy == pytest.approx((recall_RC @ weights).mean())
        assert found.se_images == pytest.approx(np.sqrt(weights**2 @ images))
        assert found.se_seeds == pytest.approx(np.sqrt(is_classification))
        assert found.high - found.accuracy > 1.96 * np.sqrt(is_classification + weights**2 @ images)
        assert found.kind == "images+runs"


def test_few_errors_and_single_runs():
    perfect = np.ones((3, 2, 40), dtype=bool)
    found = stats.estimate_over_runs(correctness_of_runs(perfect, [40, 40]), np.array([0.5, 0.5]))
    assert (found.accuracy, found.kind, found.low) == (
        1.0,
        "rule-of-three",
        pytest.approx(1 - 3 / 80),
    )
    one_class = stats.estimate_over_runs(
        correctness_of_runs(perfect, [40, 40]), np.array([1.0, 0.0])
    )
    assert one_class.low == pytest.approx(1 - 3 / 40)  # of that class's images alone
    once = perfect.copy()
    once[:, 0, :2] = False
    assert (
        stats.estimate_over_runs(correctness_of_runs(once, [40, 40]), np.array([0.5, 0.5])).kind
        == "wilson"
    )
    single = correctness_of_runs(np.random.default_rng(1).random((1, 2, 40)) < 0.7, [40, 40])
    found = stats.estimate_over_runs(single, np.array([0.5, 0.5]))
    assert found.se_seeds == 0
    assert found.high - found.low > 0.1


def test_disjoint_episodes_share_no_image():
    design = drawn_design(pool_of(3, 60), 3, 1, 4, 2000)
    correct = answers(np.random.default_rng(0), design)
    free = np.ones(180, dtype=bool)
    chosen = []
    for t in range(2000):
        images = np.concatenate([design.support_TNK[t].ravel(), design.query_TNQ[t].ravel()])
        if free[images].all():
            free[images], chosen = False, [*chosen, t]
    accuracy = correct[chosen].mean((1, 2))
    expected = known.t.interval(0.95, len(chosen) - 1, scale=known.sem(accuracy))[1]
    assert stats.disjoint_half_width(
        design, Correctness(design, [correct]).accuracy_ST[0]
    ) == pytest.approx(expected)
    whole = drawn_design(pool_of(3, 60), 3, 1, None, 10)
    assert np.isnan(stats.disjoint_half_width(whole, np.linspace(0, 1, 10)))
