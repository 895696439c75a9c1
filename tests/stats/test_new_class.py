"""What to expect of one more class: exact where it can be, and it covers on simulated classes."""

import math

import numpy as np
import pytest

from fewshot_bench.stats.new_class import difference_by_class, expected_of_new_class

IMAGES = np.full(6, 100.0)


def test_two_classes_by_hand():
    """t with one degree of freedom is 12.7; on the scale of angles it goes beyond both ends."""
    expected = expected_of_new_class(np.array([0.5, 0.6]), np.array([50.0, 50.0]))
    assert expected.mean == pytest.approx(0.55)
    angles = np.arcsin(np.sqrt([0.5, 0.6]))
    half_width = 12.7062 * angles.std(ddof=1) * math.sqrt(1.5)
    assert expected.low == pytest.approx(
        math.sin(max(angles.mean() - half_width, 0)) ** 2, abs=1e-4
    )
    assert expected.high == 1.0


def test_classes_without_an_error_do_not_promise_perfection():
    expected = expected_of_new_class(np.ones(6), IMAGES)
    assert expected.mean == 1.0
    assert 0.97 < expected.low < 0.99
    fewer = expected_of_new_class(np.ones(6), np.full(6, 10.0))
    assert fewer.low < expected.low


def test_one_class_says_nothing_of_the_next():
    expected = expected_of_new_class(np.array([0.8]), np.array([100.0]))
    assert expected.mean == 0.8
    assert math.isnan(expected.low)
    assert math.isnan(difference_by_class(np.array([0.1]), 100).p)


@pytest.mark.parametrize("centre", [0.9, 1.2, 1.4])
@pytest.mark.parametrize("classes", [3, 7])
def test_it_holds_one_more_class_in_95_of_100(centre: float, classes: int):
    """Classes drawn on the scale of angles, each measured on 100 pictures of its own."""
    rng = np.random.default_rng(0)
    held = []
    for _ in range(2000):
        true = np.sin(np.clip(rng.normal(centre, 0.12, classes + 1), 0, math.pi / 2)) ** 2
        measured = rng.binomial(100, true) / 100
        expected = expected_of_new_class(measured[:-1], np.full(classes, 100.0))
        held.append(expected.low <= measured[-1] <= expected.high)
    assert 0.93 < np.mean(held) < 0.99


def test_a_difference_over_classes_is_students_t():
    difference = np.array([0.02, 0.05, 0.03, 0.06])
    found = difference_by_class(difference, images=1e9)
    error = difference.std(ddof=1) / 2
    assert found.mean == pytest.approx(0.04)
    assert found.high - found.mean == pytest.approx(3.18245 * error, rel=1e-4)
    assert (found.p < 0.05) == (found.low > 0)
    assert difference_by_class(np.zeros(5), 100).p == 1.0
    one_picture = difference_by_class(np.full(5, 0.001), images=100)
    assert one_picture.p > 0.05  # a tenth of a picture is nothing
