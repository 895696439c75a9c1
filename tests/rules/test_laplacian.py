import numpy as np
import pytest
import torch

from fewshot_bench.errors import UserError
from fewshot_bench.rule import Together
from tests.helpers.rule_checks import agreement, fitted, overlapping, scores


@pytest.mark.parametrize("shots", [1, 5])
def test_answers_are_easyfsls(shots: int):
    """They differ only where a query is as near to two classes as rounding."""
    assert agreement("laplacian", "LaplacianShot", overlapping(64), shots, 40) >= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("features", [512, 1280])
def test_answers_are_easyfsls_to_many_episodes(features: int, shots: int):
    assert agreement("laplacian", "LaplacianShot", overlapping(features), shots, 500) >= 0.995


def test_one_query_has_no_neighbours_and_is_answered():
    support, query, _ = scores(fitted("laplacian"))
    alone = fitted("laplacian").answer(
        torch.from_numpy(support).float(), torch.from_numpy(query[:1]).float()
    )
    assert torch.allclose(alone.sum(1), torch.ones(1))


def test_more_neighbours_than_there_are_is_all_of_them():
    _, _, many = scores(fitted("laplacian", neighbours=100))
    _, _, all_of_them = scores(fitted("laplacian", neighbours=17))
    assert np.allclose(many, all_of_them, atol=1e-6)


def test_steps_that_do_not_converge_are_counted():
    rule = fitted("laplacian", steps=1, strength=0.5)
    images = torch.nn.functional.normalize(torch.rand(2, 12, 8), dim=2)
    together = Together(images @ images.mT, torch.ones(2, 6, dtype=torch.bool), ways=3)
    rule.score_together(together)
    assert together.unfinished == 2


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(UserError, match="neighbours=0 is out of bounds"):
        fitted("laplacian", neighbours=0)
