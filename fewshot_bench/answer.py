"""One episode, answered from features.

Shapes: N ways, K shots, Q queries, D features; A and B rows of features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.baseline import Baseline, Capability

__all__ = ["answered", "from_features", "pair_scores"]

PAIR_TILE = 128  # rows and columns of the score matrix that a pair head fills at once


def answered(baseline: Baseline, method: str, *given: Tensor) -> Tensor:
    """What a method of a baseline answers; raises `TypeError` where that is no tensor."""
    found = getattr(baseline, method)(*given)
    if not isinstance(found, Tensor):
        raise TypeError(f"{method} gave a {type(found).__name__}; it must give a torch.Tensor")
    return found


def from_features(baseline: Baseline, how: Capability, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
    """Scores (Q, N), through which a gradient reaches the queries if the baseline lets it. how: any but `predict`."""
    if how == "classify":
        return answered(baseline, "classify", support_NKD, query_QD)
    if how == "pair":
        scores_QNK: Tensor = pair_scores(baseline, query_QD, support_NKD.flatten(0, 1)).unflatten(1, support_NKD.shape[:2])
        return scores_QNK.mean(2)
    if how == "prototype":
        distances: Tensor = -torch.cdist(query_QD, support_NKD.mean(1))
        return distances
    cosines: Tensor = F.normalize(query_QD, dim=1) @ F.normalize(support_NKD, dim=2).mean(1).T
    return cosines


def pair_scores(baseline: Baseline, a_AD: Tensor, b_BD: Tensor) -> Tensor:
    """A pair head's scores (A, B), tile after tile."""
    return torch.cat([
        torch.cat([answered(baseline, "pair", rows, columns).float() for columns in b_BD.split(PAIR_TILE)], dim=1)
        for rows in a_AD.split(PAIR_TILE)
    ])  # fmt: skip
