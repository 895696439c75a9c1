"""Focal: a sigmoid a class."""

import pytest

from fewshot_bench.errors import UserError
from fewshot_bench.learn import TrainedBaseline
from tests.helpers.learning import assert_gradient_reaches_all, assert_overfits
from tests.helpers.training import made

SMALL = {"encoder": "resnet18", "image_size": 32, "batch_size": 20, "augment": False}


def test_it_learns_twenty_pictures_by_heart_with_all_its_weights():
    baseline = made("focal", **SMALL, passes=20)
    assert isinstance(baseline, TrainedBaseline)
    assert_gradient_reaches_all(baseline)
    assert_overfits(type(baseline), type(baseline).settings_type(**SMALL, passes=1_000))


@pytest.mark.parametrize(("setting", "value"), [("gamma", -1.0), ("balance", 1.5)])
def test_settings_out_of_bounds_are_refused(setting: str, value: float):
    with pytest.raises(UserError, match=rf"{setting}={value} is out of bounds"):
        made("focal", **{setting: value})
