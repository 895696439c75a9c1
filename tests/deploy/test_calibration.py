"""Probabilities and the threshold for unknown pictures."""

from __future__ import annotations

import numpy as np
import pytest

from fewshot_bench.deploy.calibration import HeldOut, calibrated, reliability
from fewshot_bench.errors import UserError


def _drawn(count, classes=4, sharpness=7.0, seed=0):
    """Scores of which softmax(sharpness x scores) are the true probabilities."""
    generator = np.random.default_rng(seed)
    scores_MN = generator.normal(0, 0.3, (count, classes))
    powers = np.exp(sharpness * scores_MN)
    chances = (powers / powers.sum(1, keepdims=True)).cumsum(1)
    labels_M = (generator.random((count, 1)) > chances).sum(1).clip(0, classes - 1)
    return HeldOut(scores_MN, labels_M)


def test_the_true_sharpness_is_found():
    calibration = calibrated(_drawn(20_000), known=4)

    assert calibration.sharpness == pytest.approx(7, rel=0.05)


def test_probabilities_are_right_as_often_as_they_say():
    calibration = calibrated(_drawn(20_000), known=4)
    others = _drawn(20_000, seed=1)
    probability_MN = calibration.probabilities(others.scores_MN)
    right_M = others.scores_MN.argmax(1) == others.labels_M

    told = reliability(probability_MN.max(1), right_M, np.ones(20_000))

    assert told["error"] < 0.02
    assert sum(each["pictures"] for each in told["bins"]) == 20_000


def test_few_answers_that_are_all_right_prove_no_certainty():
    few = HeldOut(np.eye(2)[[0, 1] * 5], np.array([0, 1] * 5))
    many = HeldOut(np.eye(2)[[0, 1] * 500], np.array([0, 1] * 500))

    sure_after_few = calibrated(few, known=0).probabilities(np.eye(2)).max()
    sure_after_many = calibrated(many, known=0).probabilities(np.eye(2)).max()

    assert sure_after_few < 0.97 < sure_after_many


def test_the_threshold_accepts_the_share_that_is_promised():
    held = _drawn(5_000)

    unknown = calibrated(held, known=4).unknown(held.scores_MN)

    weights = held.weights_M
    assert weights[unknown].sum() == pytest.approx(0.05, abs=0.005)


def test_a_class_without_held_out_references_is_never_flagged():
    held = HeldOut(np.c_[_drawn(200, 2).scores_MN, np.full(200, -5.0)], np.arange(200) % 2)

    calibration = calibrated(held, known=2)

    assert np.isnan(calibration.typical_N[2])
    assert not calibration.unknown(np.array([[-90.0, -90.0, -80.0]]))[0]
    assert calibration.unknown(np.array([[-80.0, -90.0, -90.0]]))[0]


def test_a_class_of_few_has_a_wider_spread_than_the_known_ones():
    generator = np.random.default_rng(0)
    own = generator.normal(1, 0.1, 404)
    labels = np.r_[np.arange(400) % 2, [2] * 4]
    scores = np.zeros((404, 3))
    scores[np.arange(404), labels] = own

    spread_N = calibrated(HeldOut(scores, labels), known=2).spread_N

    assert spread_N[2] > spread_N[:2].max()


def test_nothing_held_out_is_one_line():
    nothing = HeldOut(np.empty((0, 2)), np.empty(0, dtype=np.int64))

    with pytest.raises(UserError, match="every class has one picture"):
        calibrated(nothing, known=0)


def test_the_file_has_no_nan():
    held = HeldOut(np.c_[_drawn(50, 2).scores_MN, np.zeros(50)], np.arange(50) % 2)

    assert np.isnan(calibrated(held, known=2).typical_N[2])
