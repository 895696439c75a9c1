import pytest

from fewshot_bench.errors import UserError
from tests.helpers.rule_checks import agreement, fitted, overlapping


@pytest.mark.parametrize("shots", [1, 5])
def test_answers_are_easyfsls(shots: int):
    """Both take Adam's steps; where a gradient is all rounding, these may differ."""
    assert agreement("tim", "TIM", overlapping(64), shots, 4) >= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("features", [512, 1280])
def test_answers_are_easyfsls_to_many_episodes(features: int, shots: int):
    assert agreement("tim", "TIM", overlapping(features), shots, 100) >= 0.995


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(UserError, match="marginal=-1 is out of bounds"):
        fitted("tim", marginal=-1)
