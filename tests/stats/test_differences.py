"""Paired differences: against known tests, and their coverage by simulation."""

import numpy as np
import pytest
from scipy import stats as known
from statsmodels.stats.multitest import multipletests

from fewshot_bench.stats import differences
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
    assert (found.mean, found.low, found.high) == pytest.approx(
        (-mirrored.mean, -mirrored.high, -mirrored.low)
    )
    apart = [stats.estimate_over_runs(correct, weights) for correct in (first, second)]
    assert found.high - found.low < 0.5 * sum(part.high - part.low for part in apart)


def test_holm_equals_an_independent_library():
    p = np.random.default_rng(0).random(9) ** 3
    assert differences.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert differences.holm([]).tolist() == []


def test_a_baseline_against_itself_is_equivalent_and_nothing_else():
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 2000)
    correct = answers(np.random.default_rng(0), design)
    found = differences.difference(Correctness(design, [correct]), Correctness(design, [correct]))
    assert (found.mean, found.p, found.kind) == (0.0, 1.0, "rule-of-three")
    assert found.low == pytest.approx(-3 / 120)
    assert differences.verdict(found, found.p, margin=0.05) == "equivalent"
    assert differences.verdict(found, found.p, margin=0.005) == "undecided"


def test_few_discordant_images_are_judged_by_mcnemars_exact_test():
    design = drawn_design(pool_of(3, 40), 3, 1, 5, 2000)
    first = np.ones(design.query_TNQ.shape, dtype=bool)
    second = ~np.isin(design.query_TNQ, [1, 2, 3, 50, 60, 70])
    found = differences.difference(Correctness(design, [first]), Correctness(design, [second]))
    assert found.kind == "mcnemar"
    assert found.p == pytest.approx(known.binomtest(6, 6).pvalue)
    assert found.mean > 0
    mirrored = differences.difference(Correctness(design, [second]), Correctness(design, [first]))
    assert (mirrored.p, mirrored.mean, mirrored.low) == pytest.approx(
        (found.p, -found.mean, -found.high)
    )


@pytest.mark.parametrize(
    ("low90", "high90", "mean", "p", "expected"),
    [
        (0.01, 0.03, 0.02, 0.01, "better"),
        (-0.03, -0.01, -0.02, 0.01, "worse"),
        (-0.002, 0.003, 0.001, 0.5, "equivalent"),
        (-0.002, 0.006, 0.002, 0.5, "undecided"),
    ],
)
def test_verdicts(low90: float, high90: float, mean: float, p: float, expected: str):
    found = differences.Difference(mean, low90, high90, low90, high90, p, "image-influence")
    assert differences.verdict(found, p, 0.005) == expected


def test_seeds_enter_the_difference():
    design = drawn_design(pool_of(3, 60), 3, 1, 5, 2000)
    rng = np.random.default_rng(2)
    base = answers(rng, design)
    seeds = [base & (rng.random(base.shape) >= rate) for rate in (0.0, 0.1, 0.2)]
    nothing = Correctness(design, [base & False])
    one, three = (
        differences.difference(Correctness(design, some), nothing) for some in (seeds[:1], seeds)
    )
    assert three.kind == "image-influence+seeds"
    assert three.high - three.low > 2 * (one.high - one.low)


@pytest.mark.parametrize("shots", [1, 5])
def test_coverage_of_the_paired_interval(shots: int):
    """Two baselines on the same images, one with noisier features; the truth is the mean over all simulated data sets."""
    rng = np.random.default_rng(shots)
    design = drawn_design(pool_of(3, 60), 3, shots, 10, 2000)
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
    assert (
        LOW <= np.mean([difference.low <= truth <= difference.high for difference in found]) <= HIGH
    )
