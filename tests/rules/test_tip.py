import numpy as np
import pytest

from fewshot_bench.errors import UserError
from tests.helpers.rule_checks import fitted, scores


@pytest.mark.parametrize("sharpness", [5.5, 32.0])
def test_references_vote_by_the_exponential_of_their_cosine(sharpness: float):
    support, query, given = scores(fitted("tip", sharpness=sharpness))
    support /= np.linalg.norm(support, axis=2, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    cosines = np.einsum("qd,nkd->qnk", query, support)
    sums = np.exp(-sharpness * (1 - cosines)).sum(2)
    assert np.allclose(given, np.log(sums), atol=1e-4)


def test_a_very_sharp_vote_is_that_of_the_nearest_reference():
    _, _, sharp = scores(fitted("tip", sharpness=1e6))
    _, _, nearest = scores(fitted("nearest"))
    assert (sharp.argmax(1) == nearest.argmax(1)).all()


def test_a_sharpness_of_zero_is_refused():
    with pytest.raises(UserError, match="sharpness=0 is out of bounds"):
        fitted("tip", sharpness=0)
