"""Differences of accuracies on other episodes: their variances add."""

import math

import numpy as np
import pytest

from fewshot_bench.stats.intervals import Estimate, IntervalKind
from fewshot_bench.stats.unpaired import Measured, unpaired_difference


def measured(
    accuracy: float, se_images: float, se_seeds: float = 0.0, *, trainings: int = 1, kind: IntervalKind = "images"
) -> Measured:  # fmt: skip
    estimate = Estimate(accuracy, math.nan, math.nan, kind, se_images, se_seeds)
    return Measured(estimate, (100, 100, 100), trainings)


def test_variances_of_images_and_trainings_add():
    first = measured(0.9, 0.03, 0.02, trainings=5)
    second = measured(0.8, 0.04)
    difference = unpaired_difference(first, second)
    assert difference.mean == pytest.approx(0.1)
    low, high = difference.interval(0.95)
    expected = math.sqrt(0.03**2 + 0.04**2 + 0.02**2)
    assert (high - low) / 2 == pytest.approx(1.98 * expected, rel=0.02)
    assert difference.kind == "images+seeds"
    other = unpaired_difference(second, first)
    assert other.mean == -difference.mean
    assert other.p == pytest.approx(difference.p)


def test_two_equal_accuracies_are_rarely_called_different():
    """Simulated: two shares of 300 images each, p below 5 % in 5 % of the trials."""
    rng = np.random.default_rng(0)
    trials = 2000
    shares = rng.binomial(300, 0.9, (trials, 2)) / 300
    different = 0
    for own, other in shares:
        sides = [measured(share, math.sqrt(share * (1 - share) / 300)) for share in (own, other)]
        different += unpaired_difference(*sides).p < 0.05
    assert 0.03 < different / trials < 0.065


def test_without_an_interval_of_one_there_is_none():
    none = measured(0.9, math.nan, kind="too few images")
    difference = unpaired_difference(measured(0.8, 0.03), none)
    assert difference.kind == "too few images"
    assert math.isnan(difference.p)
    assert np.isnan(difference.interval(0.95)).all()


def test_two_that_were_never_wrong_do_not_differ():
    sides = [measured(1.0, 0.0, kind="never wrong") for _ in range(2)]
    assert unpaired_difference(*sides).p == 1
    assert unpaired_difference(*sides).kind == "never different"
