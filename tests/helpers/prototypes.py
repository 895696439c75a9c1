"""Nearest prototypes as the engine finds them, for studies and benchmarks on bare features."""

import numpy as np

from fewshot_bench.engine import scoring
from fewshot_bench.registry.registry import Registry

RULE = Registry().rule("prototype").load()()


def products_of(features_MD: np.ndarray) -> np.ndarray:
    """Inner products of centred features."""
    return scoring.products_MM(features_MD - features_MD.mean(0))


def nearest_ways(
    features_MD: np.ndarray, episodes, products_MM: np.ndarray | None = None
) -> np.ndarray:
    """The way (T, N, Q) with the nearest prototype. episodes: with `support_TNK` and `query_TNQ`."""
    products = products_of(features_MD) if products_MM is None else products_MM
    query_TNQ = episodes.query_TNQ
    query_TQ = query_TNQ.reshape(len(query_TNQ), -1)
    answers = scoring.from_matrix(RULE.score_products, products, episodes.support_TNK, query_TQ)
    return answers.ways_TQ.reshape(query_TNQ.shape)
