import pytest

from fewshot_bench.errors import UserError
from tests.helpers.rule_checks import agreement, fitted, overlapping

NAMES = ("transductive_finetuning", "TransductiveFinetuning")


@pytest.mark.parametrize("shots", [1, 5])
def test_answers_are_easyfsls(shots: int):
    """At one shot a prototype starts where its reference is, at a distance of 0."""
    assert agreement(*NAMES, overlapping(64), shots, 20) >= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("features", [512, 1280])
def test_answers_are_easyfsls_to_many_episodes(features: int, shots: int):
    assert agreement(*NAMES, overlapping(features), shots, 300) >= 0.995


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(UserError, match="rate=0 is out of bounds"):
        fitted("transductive_finetuning", rate=0)
