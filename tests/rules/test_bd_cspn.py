import numpy as np
import pytest

from tests.helpers.rule_checks import agreement, fitted, overlapping, scores


@pytest.mark.parametrize("shots", [1, 5])
def test_answers_are_easyfsls(shots: int):
    """They differ only where a query is as near to two classes as rounding."""
    assert agreement("bd_cspn", "BD_CSPN", overlapping(64), shots, 40) >= 0.995


@pytest.mark.slow
@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("features", [512, 1280])
def test_answers_are_easyfsls_to_many_episodes(features: int, shots: int):
    assert agreement("bd_cspn", "BD_CSPN", overlapping(features), shots, 500) >= 0.995


def test_prototypes_are_weighted_means_of_references_and_of_queries_that_were_moved():
    support, query, given = scores(fitted("bd_cspn"))
    support /= np.linalg.norm(support, axis=2, keepdims=True)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    moved = query + support.mean((0, 1)) - query.mean(0)

    def cosines(images: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
        lengths = np.linalg.norm(images, axis=1)[:, None] * np.linalg.norm(prototypes, axis=1)
        return images @ prototypes.T / lengths

    means = support.mean(1)
    of_queries = cosines(moved, means)
    prototypes = []
    for way in range(3):
        chosen = of_queries.argmax(1) == way
        images = np.concatenate([support[way], moved[chosen]])
        weights = np.exp(np.concatenate([cosines(support[way], means), of_queries[chosen]])[:, way])
        prototypes.append(weights @ images / weights.sum())
    assert np.allclose(given, cosines(query, np.stack(prototypes)), atol=1e-5)
