"""Paired differences: against known tests, and their coverage by simulation."""

import numpy as np
import pytest
from scipy import stats as known

from fewshot_bench.stats import differences
from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness
from fewshot_bench.stats.verdicts import verdict
from tests.helpers.simulation import (
    DATA_SETS,
    LOW,
    answers,
    correctness_of_runs,
    drawn_design,
    pool_of,
)


def test_a_difference_over_runs_is_paired():
    rng = np.random.default_rng(2)
    common = rng.random((6, 2, 200)) < 0.8
    worse = common & (rng.random((6, 2, 200)) < 0.97)
    first, second = correctness_of_runs(common, [200, 200]), correctness_of_runs(worse, [200, 200])
    weights = np.array([0.5, 0.5])
    found, mirrored = (
        differences.difference_over_runs(a, b, weights)
        for a, b in ((first, second), (second, first))
    )
    assert found.p < 0.01
    low, high = found.interval(0.95)
    assert found.mean == pytest.approx(-mirrored.mean)
    assert mirrored.interval(0.95) == pytest.approx((-high, -low))
    apart = [stats.estimate_over_runs(correct, weights, 0.5) for correct in (first, second)]
    assert high - low < 0.5 * sum(part.high - part.low for part in apart)


def test_a_baseline_against_itself_is_equivalent_and_nothing_else():
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 2000)
    correct = answers(np.random.default_rng(0), design)
    found = differences.difference(Correctness(design, [correct]), Correctness(design, [correct]))
    assert (found.mean, found.p, found.kind) == (0.0, 1.0, "never different")
    assert found.interval(0.95)[0] == pytest.approx(-3 / 120, rel=0.01)
    assert verdict(found, found.p, margin=0.05) == "equivalent"
    assert verdict(found, found.p, margin=0.005) == "undecided"


def test_few_discordant_images_decide_only_where_they_are_enough():
    """Six images that only one of two got right are nearly enough for p < 0.05 by McNemar's exact test; two are not."""
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 2000)
    first = Correctness(design, [np.ones(design.query_TNQ.shape, dtype=bool)])
    p_values = []
    for wrong in ([1, 50], [1, 2, 3, 50, 60, 70]):
        second = Correctness(design, [~np.isin(design.query_TNQ, wrong)])
        found = differences.difference(first, second)
        mirrored = differences.difference(second, first)
        assert found.mean > 0
        assert (mirrored.p, mirrored.mean) == pytest.approx((found.p, -found.mean))
        assert mirrored.interval(0.9)[0] == pytest.approx(-found.interval(0.9)[1])
        p_values.append(found.p)
    assert p_values[0] > 0.1
    assert p_values[1] == pytest.approx(known.binomtest(6, 6).pvalue, abs=0.03)


def test_interval_and_p_come_from_one_root():
    rng = np.random.default_rng(0)
    design = drawn_design(pool_of(3, 15), 3, 3, 5, 500)
    for _ in range(20):
        pair = [Correctness(design, [answers(rng, design)]) for _ in range(2)]
        found = differences.difference(*pair)
        for bound in found.interval(1 - found.p):
            assert min(abs(bound), abs(bound - 2 * found.mean)) < 1e-9


def test_a_class_too_small_has_no_p():
    design = drawn_design(((0, 6), (6, 20)), 2, 5, 1, 200)
    pair = [Correctness(design, [design.query_TNQ % 2 == part]) for part in (0, 1)]
    found = differences.difference(*pair)
    assert found.kind == "too few images"
    assert np.isnan([found.p, *found.interval(0.95)]).all()


def test_seeds_enter_the_difference():
    design = drawn_design(pool_of(3, 60), 3, 1, 5, 2000)
    rng = np.random.default_rng(2)
    base = answers(rng, design)
    seeds = [base & (rng.random(base.shape) >= rate) for rate in (0.0, 0.1, 0.2)]
    nothing = Correctness(design, [base & False])
    one, three = (
        differences.difference(Correctness(design, some), nothing) for some in (seeds[:1], seeds)
    )
    assert three.kind == "images+seeds"
    widths = [np.ptp(found.interval(0.95)) for found in (one, three)]
    assert widths[1] > 2 * widths[0]
    both = differences.difference(Correctness(design, seeds), Correctness(design, seeds))
    # seeds are no pairs: their variances add
    assert both.trainings.variance == pytest.approx(2 * three.trainings.variance)
    assert both.trainings.df == pytest.approx(4)


@pytest.mark.parametrize(("images", "shots"), [(60, 1), (60, 5), (12, 5)])
def test_coverage_of_the_paired_interval(images: int, shots: int):
    """Two baselines on the same images, one with noisier features; the truth is the mean over all simulated data sets."""
    rng = np.random.default_rng(shots)
    design = drawn_design(pool_of(3, images), 3, shots, min(10, images - shots), 2000)
    found = []
    for _ in range(DATA_SETS):
        state = rng.bit_generator.state
        first = answers(rng, design)
        rng.bit_generator.state = (
            state  # the same images, seen by the second baseline with more spread
        )
        found.append(
            differences.difference(
                Correctness(design, [first]),
                Correctness(design, [answers(rng, design, spread=1.6)]),
            )
        )
    truth = np.mean([difference.mean for difference in found])
    assert truth > 0.02
    bounds = np.array([difference.interval(0.95) for difference in found])
    coverage = ((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean()
    assert coverage >= LOW
    true_width = 2 * 1.96 * np.std([difference.mean for difference in found], ddof=1)
    # on the safe side where classes are small
    assert np.ptp(bounds, axis=1).mean() < (1.35 if images >= 60 else 2) * true_width


@pytest.mark.parametrize(("images", "shots"), [(8, 5), (20, 3)])
def test_equal_methods_are_seldom_called_different(images: int, shots: int):
    rng = np.random.default_rng(0)
    design = drawn_design(pool_of(3, images), 3, shots, min(10, images - shots), 2000)
    called = 0
    for _ in range(DATA_SETS):
        pair = [Correctness(design, [answers(rng, design)]) for _ in range(2)]
        called += differences.difference(*pair).p < 0.05
    assert called / DATA_SETS <= 0.06
