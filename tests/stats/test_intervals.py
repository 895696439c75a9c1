"""Intervals: against closed forms, and their coverage by simulation."""

import math

import numpy as np
import pytest
from scipy import stats as known

from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness
from tests.helpers.simulation import (
    DATA_SETS,
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


def test_nothing_wrong_gives_the_rule_of_three_and_never_a_width_of_zero():
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 500)
    found = stats.estimate(Correctness(design, [np.ones(design.query_TNQ.shape, dtype=bool)]))
    assert (found.kind, found.accuracy, found.high) == ("never wrong", 1.0, 1.0)
    assert found.low == pytest.approx(1 - 3 / 120)


def test_few_errors_give_an_interval_like_jeffreys():
    """Two images that are always wrong: as 2 of 120, whose jackknife variance is the binomial one."""
    design = drawn_design(pool_of(3, 40), 3, 1, None, 2000)
    found = stats.estimate(Correctness(design, [~np.isin(design.query_TNQ, (7, 50))]))
    low, high = known.beta.ppf((0.025, 0.975), 120 - 2 + 0.5, 2 + 0.5)
    assert found.kind == "images"
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.012)
    assert found.accuracy - found.low > 1.5 * (found.high - found.accuracy)


def test_a_class_too_small_has_no_interval():
    design = drawn_design(((0, 6), (6, 20)), 2, 5, 1, 200)
    found = stats.estimate(Correctness(design, [design.query_TNQ % 2 == 0]))
    assert found.kind == "too few images"
    assert np.isnan([found.low, found.high]).all()
    assert 0 < found.accuracy < 1


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
    assert two.kind == "too few trainings", "two trainings that far apart say nothing"
    assert two.accuracy == pytest.approx(np.mean(means))
    assert two.high - two.low < 0.4
    many = [correct & (rng.random(correct.shape) >= rate) for rate in (0.0, 0.05, 0.1, 0.15, 0.2)]
    five = stats.estimate(Correctness(design, many))
    assert five.kind == "images+seeds"
    assert five.high - five.low > one.high - one.low


@pytest.mark.parametrize(
    ("images", "classes", "ways", "shots"),
    [(7, 3, 3, 5), (8, 3, 3, 1), (12, 3, 3, 5), (20, 3, 3, 3), (60, 3, 3, 5), (60, 4, 2, 1)],
)
def test_coverage(images: int, classes: int, ways: int, shots: int):
    """Nominal 95 % over other images of the same classes; the truth is the mean over all simulated data sets."""
    rng = np.random.default_rng(classes * 100 + ways * 10 + shots)
    queries = min(10, images - shots)
    design = drawn_design(pool_of(classes, images), ways, shots, queries, 2000)
    found = [stats.estimate(Correctness(design, [answers(rng, design)])) for _ in range(DATA_SETS)]
    truth = np.mean([estimate.accuracy for estimate in found])
    coverage = np.mean([estimate.low <= truth <= estimate.high for estimate in found])
    assert coverage >= LOW
    widths = [estimate.high - estimate.low for estimate in found]
    true_width = 2 * 1.96 * np.std([estimate.accuracy for estimate in found], ddof=1)
    # on the safe side where classes are small
    assert np.mean(widths) < (1.1 if images >= 60 else 1.6) * true_width


def test_means_over_images():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [30, 10])
    values = rng.random((1, 40)) + labels
    found = stats.over_images(values, labels, share=False)
    parts = [(n / 40) ** 2 * values[0, labels == c].var(ddof=1) / n for c, n in ((0, 30), (1, 10))]
    df = sum(parts) ** 2 / (parts[0] ** 2 / 29 + parts[1] ** 2 / 9)
    half = known.t.ppf(0.975, df) * np.sqrt(sum(parts))
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * half)
    one, zero = np.zeros(20, dtype=int), np.zeros((1, 20))
    all_right = stats.over_images(zero + 1, one, share=True)
    assert (all_right.mean, all_right.high) == (1.0, 1.0)
    assert all_right.low == pytest.approx(known.beta.ppf(0.025, 20.5, 0.5), abs=0.01)
    assert stats.over_images(zero, one, share=False) == stats.Mean(0.0, 0.0, 0.0), (
        "a difference is no share"
    )
    several = stats.over_images(np.stack([values[0], values[0] + 1]), labels, share=False)
    assert several.high - several.low > 5, "two trainings that far apart say little"
    assert stats.over_images(np.array([[0.1, 0.2], [0.8, 0.9]]), one[:2], share=True).low < 0.05
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


def test_over_runs_what_other_train_images_would_change_is_added():
    rng = np.random.default_rng(0)
    correct = correctness_of_runs(rng.random((5, 2, 60)) < rng.uniform(0.3, 1, (2, 60)), [60, 60])
    weights = np.array([0.5, 0.5])
    spread = correct.recall_STN[0].mean(1).var(ddof=1)
    few, half = (stats.estimate_over_runs(correct, weights, trained) for trained in (0.001, 0.5))
    assert few.kind == "images+runs"
    assert few.accuracy == pytest.approx(correct.recall_STN.mean())
    assert few.se_seeds == pytest.approx(np.sqrt(spread * (1 / 5 + 0.001 / 0.999)))
    # every image is tested in every run, so that nothing of the spread is of the test images
    assert half.se_seeds == pytest.approx(np.sqrt(spread * (1 / 5 + 1)))
    assert half.high - half.low > few.high - few.low


def test_few_errors_and_single_runs():
    perfect = np.ones((3, 2, 40), dtype=bool)
    both = np.array([0.5, 0.5])
    found = stats.estimate_over_runs(correctness_of_runs(perfect, [40, 40]), both, 0.5)
    assert (found.accuracy, found.kind, found.low) == (
        1.0,
        "never wrong",
        pytest.approx(1 - 3 / 80),
    )
    first = np.array([1.0, 0.0])
    one_class = stats.estimate_over_runs(correctness_of_runs(perfect, [40, 40]), first, 0.5)
    assert one_class.low == pytest.approx(1 - 3 / 40)  # of that class's images alone
    single = correctness_of_runs(np.random.default_rng(1).random((1, 2, 40)) < 0.7, [40, 40])
    found = stats.estimate_over_runs(single, both, 0.5)
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
    # two that agree by chance say nothing: the half-width would be 0
    two = design.first(chosen[1] + 1)
    assert len(two.disjoint_episodes) == 2
    assert np.isnan(stats.disjoint_half_width(two, np.full(chosen[1] + 1, 0.7059)))
