import pytest
import torch

from fewshot_bench.errors import NotApplicable, UserError
from fewshot_bench.rule import Together
from tests.helpers.rule_checks import FEATURES_MD, agreement, fitted, overlapping, scores


@pytest.mark.parametrize("shots", [1, 5])
def test_answers_are_easyfsls(shots: int):
    """easyfsl begins each transport plan anew; here it goes on from the one before, to the same plan."""
    assert agreement("pt_map", "PTMAP", overlapping(64), shots, 4) >= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("features", [512, 1280])
def test_answers_are_easyfsls_to_many_episodes(features: int, shots: int):
    assert agreement("pt_map", "PTMAP", overlapping(features), shots, 100) >= 0.995


def test_every_class_gets_its_share_of_the_queries():
    _, query, given = scores(fitted("pt_map"))
    assert given.sum(0) == pytest.approx(len(query) / 3, rel=1e-4)
    assert given.sum(1) == pytest.approx(1, rel=1e-4)


def test_features_of_unit_length_are_a_setting():
    transformed = fitted("pt_map", unit_length=True).transform(torch.from_numpy(FEATURES_MD))
    assert torch.allclose(transformed.norm(dim=1), torch.ones(len(FEATURES_MD)))


def test_fewer_queries_than_classes_are_not_applicable():
    support = torch.from_numpy(FEATURES_MD[[0, 1, 30, 31, 55, 56]]).view(3, 2, -1)
    query = torch.from_numpy(FEATURES_MD[[5, 35]])
    with pytest.raises(NotApplicable, match="evenly over 3 classes, and an episode has 2"):
        fitted("pt_map").answer(support, query)


def test_plans_that_do_not_converge_are_counted(monkeypatch: pytest.MonkeyPatch):
    rule = fitted("pt_map")
    monkeypatch.setitem(type(rule).score_together.__globals__, "ITERATIONS", 1)
    images = torch.rand(2, 12, 8)
    together = Together(images @ images.mT, torch.ones(2, 6, dtype=torch.bool), ways=3)
    rule.score_together(together)
    assert together.unfinished == 2


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(UserError, match="rate=0 is out of bounds"):
        fitted("pt_map", rate=0)
