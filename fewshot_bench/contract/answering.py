"""How one episode is answered: by which rule, and what the rule computes from features.

Shapes: N ways, K shots, Q queries, D features; A and B rows of features.
"""

from __future__ import annotations

from typing import Literal, assert_never, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.baseline import Baseline, EmbeddingRule

__all__ = [
    "PAIR_TILE",
    "Rule",
    "checked_call",
    "episode_rule",
    "has_head",
    "pair_scores",
    "rule_of",
    "scores_from_features",
]

Rule = EmbeddingRule | Literal["pair", "classify", "predict", "classifier"]
PAIR_TILE = 128  # rows and columns of the score matrix that a pair head fills at once


def _has(baseline_class: type[Baseline], method: str) -> bool:
    return getattr(baseline_class, method) is not getattr(Baseline, method)


def has_head(baseline_class: type[Baseline]) -> bool:
    """Whether it has a closed-set head."""
    return _has(baseline_class, "logits")


def episode_rule(baseline_class: type[Baseline]) -> Rule:
    """The rule by which this baseline answers few-shot episodes.

    Raises `TypeError` where it has none.
    """
    name = baseline_class.__name__
    if _has(baseline_class, "embed"):
        own_rule = baseline_class.rule
        if own_rule is not None:
            allowed = get_args(EmbeddingRule)
            if own_rule not in allowed:
                raise TypeError(f"{name}.rule is {own_rule!r} (allowed: {', '.join(allowed)})")
            return own_rule
        if _has(baseline_class, "pair"):
            return "pair"
        if _has(baseline_class, "classify"):
            return "classify"
    if _has(baseline_class, "predict"):
        return "predict"
    raise TypeError(
        f"{name} cannot answer episodes: it needs embed with a rule, pair or classify; or predict"
    )


def rule_of(baseline_class: type[Baseline], *, is_classification: bool) -> Rule:
    """The rule by which this baseline answers a protocol of this kind.

    A closed-set head decides in classification protocols. Raises `TypeError` as `episode_rule`.
    """
    if is_classification and has_head(baseline_class):
        return "classifier"
    return episode_rule(baseline_class)


def checked_call(baseline: Baseline, method: str, *tensors: Tensor) -> Tensor:
    """Call a method of a baseline; raises `TypeError` where it does not return a tensor."""
    result = getattr(baseline, method)(*tensors)
    if not isinstance(result, Tensor):
        kind = type(result).__name__
        raise TypeError(f"{method} gave a {kind}; it must give a torch.Tensor")
    return result


def scores_from_features(
    baseline: Baseline, rule: Rule, support_NKD: Tensor, query_QD: Tensor
) -> Tensor:
    """Scores (Q, N) of one episode. Gradients reach the queries if the baseline lets them.

    Raises `ValueError` for a rule that does not answer from features.
    """
    match rule:
        case "classify":
            return checked_call(baseline, "classify", support_NKD, query_QD)
        case "pair":
            references = support_NKD.flatten(0, 1)
            scores = pair_scores(baseline, query_QD, references)
            scores_QNK: Tensor = scores.unflatten(1, support_NKD.shape[:2])
            return scores_QNK.mean(2)
        case "prototype":
            prototypes_ND = support_NKD.mean(1)
            distances_QN: Tensor = torch.cdist(query_QD, prototypes_ND)
            return -distances_QN
        case "mean_cosine":
            means_ND = F.normalize(support_NKD, dim=2).mean(1)
            cosines_QN: Tensor = F.normalize(query_QD, dim=1) @ means_ND.T
            return cosines_QN
        case "predict" | "classifier":
            raise ValueError(f"rule {rule!r} does not answer from features")
        case _:
            assert_never(rule)


def pair_scores(baseline: Baseline, a_AD: Tensor, b_BD: Tensor) -> Tensor:
    """A pair head's scores (A, B), computed tile by tile."""
    rows = []
    for a_tile in a_AD.split(PAIR_TILE):
        row = []
        for b_tile in b_BD.split(PAIR_TILE):
            row.append(checked_call(baseline, "pair", a_tile, b_tile).float())
        rows.append(torch.cat(row, dim=1))
    return torch.cat(rows)
