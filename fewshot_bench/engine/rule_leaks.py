"""Rules are held to what they promise while they run, by copies that have seen nothing else.

Shapes: M images, D features, T episodes, N ways, K shots, Q queries of an episode.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from fewshot_bench.contract.answering import checked_call
from fewshot_bench.contract.leaks import (
    ROUNDING,
    TOLERANCE,
    Leak,
    assert_inductive,
    largest_difference,
)
from fewshot_bench.engine.scoring import Ints, Ways
from fewshot_bench.rule import Rule

__all__ = [
    "allowed_difference",
    "assert_answered_as_alone",
    "assert_same_scores",
    "assert_transformed_alone",
]

CHECKED_IMAGES = 3  # alone
CHECKED_EPISODES = 3
# of the largest score, for transductive rules: what queries do to each other grows rounding
TOGETHER_TOLERANCE = 0.02
MOVED = 0.01  # as a share of the largest score: products of features far from the origin are rough

Fresh = Callable[[], Rule]  # makes a copy of a rule as it was after `fit`


def assert_transformed_alone(
    fresh: Fresh, images_MD: Tensor, transformed_MD: Tensor, generator: torch.Generator
) -> None:
    """Raise `Leak` where an image is transformed otherwise in a half of the images, or alone."""
    if fresh().card.transductive:
        return
    order = torch.randperm(len(images_MD), generator=generator)
    halves = order.tensor_split(2)
    alone = order[:CHECKED_IMAGES].split(1)
    for part in (*halves, *alone):
        if len(part) == 0:
            continue  # a half of one image
        # every part has a copy of its own, so that none can remember another
        again = checked_call(fresh(), "prepare", images_MD[part]).float()
        if largest_difference(transformed_MD[part], again, of_scores=False) > TOLERANCE:
            raise Leak(
                "what its transform makes of an image depends on the others it came with, though "
                "its card says transductive=False"
            )


def assert_answered_as_alone(
    fresh: Fresh,
    features_MD: Tensor,
    engine_MD: Tensor,
    support_TNK: Ints,
    query_TQ: Ints,
    predicted_TQ: Ways,
) -> None:
    """Raise `Leak` where blocks of episodes were answered otherwise than single ones.

    features_MD: transformed; engine_MD: the same as the engine makes products of. Of some
    episodes, drawn at random, a copy of the rule that saw no other one gives the scores. They must
    be those of a block, must not depend on other queries, and the predicted ways must have the
    highest. A transductive rule gets the queries in another order; its scores may differ by
    `TOGETHER_TOLERANCE`, and those of one episode by more, since a query that is as near to two
    classes as rounding may move others.
    """
    generator = np.random.default_rng(len(query_TQ))
    is_transductive = fresh().card.transductive
    differ = []
    for episode in generator.permutation(len(query_TQ))[:CHECKED_EPISODES]:
        query_Q = query_TQ[episode]
        is_query_Q = query_Q >= 0
        query = torch.from_numpy(query_Q[is_query_Q])
        ways_Q = torch.from_numpy(predicted_TQ[episode][is_query_Q]).long()
        if is_transductive:
            order = torch.from_numpy(generator.permutation(len(query)))
            query = query[order]
            ways_Q = ways_Q[order]
        support = torch.from_numpy(support_TNK[episode])
        difference = _difference(fresh, features_MD, engine_MD, support, query, ways_Q)
        if difference is not None:
            differ.append(difference)
    if len(differ) > (1 if is_transductive else 0):
        raise Leak(differ[0])


def _difference(
    fresh: Fresh,
    features_MD: Tensor,
    engine_MD: Tensor,
    support_NK: Tensor,
    query_Q: Tensor,
    ways_Q: Tensor,
) -> str | None:
    """How an episode, answered alone, differs from what was predicted for it among others.

    Raises `Leak` where an inductive rule uses other queries.
    """

    def scores_of(queries_QD: Tensor) -> Tensor:
        return checked_call(fresh(), "scores", features_MD[support_NK], queries_QD).float()

    tolerance = TOGETHER_TOLERANCE if fresh().card.transductive else TOLERANCE
    query_QD = features_MD[query_Q]
    scores_QN = scores_of(query_QD)
    assert_inductive(fresh(), scores_of, query_QD, scores_QN)
    in_block_QN = fresh().scores_in_block(engine_MD[support_NK], engine_MD[query_Q]).float()
    # also by a number for each query, as scores of different queries are compared in open sets
    difference = largest_difference(scores_QN, in_block_QN)
    if difference > tolerance or _are_moved(scores_QN, in_block_QN):
        return (
            f"{fresh().block_method()} and scores differ; if it is not the same after one vector "
            "is subtracted from all features, say shift_invariant = False"
        )
    missed_Q1 = scores_QN.amax(1, keepdim=True) - scores_QN.gather(1, ways_Q[:, None])
    if missed_Q1.max() > allowed_difference(scores_QN, tolerance):
        return (
            "it answers an episode otherwise among others than alone; scores must depend on their "
            "episode only"
        )
    return None


def allowed_difference(scores_QN: Tensor, tolerance: float) -> float:
    """By how much equal scores may differ: a share of their spread, and rounding."""
    spread = scores_QN.max() - scores_QN.min()
    # scores that are all alike may round to another order
    return float(tolerance * spread + ROUNDING * scores_QN.abs().max())


def _are_moved(first_QN: Tensor, second_QN: Tensor) -> bool:
    """Whether a number was added to all scores of a query."""
    moved_Q = (first_QN.mean(1) - second_QN.mean(1)).abs()
    largest = float(first_QN.abs().max()) or 1.0
    return bool(moved_Q.max() > MOVED * largest)


def assert_same_scores(
    fresh: Fresh, support_NKD: Tensor, query_QD: Tensor, scores_QN: Tensor
) -> None:
    """Raise `Leak` where a copy that answered no other episode gives other scores."""
    alone_QN = checked_call(fresh(), "scores", support_NKD, query_QD).float()
    if largest_difference(scores_QN, alone_QN) > TOLERANCE:
        raise Leak("it answers an episode otherwise after others; it must not remember them")
