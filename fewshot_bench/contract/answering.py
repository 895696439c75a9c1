"""How one episode is answered: by a rule on features, or by a method of the baseline itself.

Shapes: N ways, K shots, Q queries, D features; A and B rows of features.
"""

from __future__ import annotations

from typing import Literal, assert_never, get_args

import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.rule import Rule

__all__ = [
    "OWN",
    "PAIR_TILE",
    "RESERVED",
    "OwnMethod",
    "answers_blocks",
    "checked_call",
    "composes",
    "episode_rule",
    "has_features",
    "has_head",
    "own_method",
    "pair_rule",
    "pair_scores",
    "rule_of",
    "scores_from_features",
    "scores_of_pairs",
]

OWN = "own"  # stands for the rule that a baseline has itself
# how a baseline answers by itself: by the method of that name, "classifier" by `logits`, "compose"
# where there are no references, and "cosine", of two features, where pairs are asked about
OwnMethod = Literal["pair", "classify", "predict", "classifier", "compose", "cosine"]
# names that no rule may have
RESERVED: tuple[str, ...] = (OWN, "all", *get_args(OwnMethod))
PAIR_TILE = 128  # rows and columns of the score matrix that a pair head fills at once


def _has(baseline_class: type[Baseline], method: str) -> bool:
    return getattr(baseline_class, method) is not getattr(Baseline, method)


def has_head(baseline_class: type[Baseline]) -> bool:
    """Whether it has a closed-set head."""
    return _has(baseline_class, "logits")


def composes(baseline_class: type[Baseline]) -> bool:
    """Whether it scores classes without references, by the defects that they are made of."""
    return _has(baseline_class, "compose")


def answers_blocks(baseline_class: type[Baseline]) -> bool:
    """Whether `classify_block` answers its few-shot episodes. Raises `TypeError` as `episode_rule`.

    A transductive baseline would take padding for queries.
    """
    classifies = episode_rule(baseline_class) == "classify"
    is_inductive = not baseline_class.card.transductive
    return classifies and is_inductive and _has(baseline_class, "classify_block")


def has_features(baseline_class: type[Baseline]) -> bool:
    """Whether it answers episodes from features. Raises `TypeError` as `episode_rule`."""
    return episode_rule(baseline_class) != "predict"


def episode_rule(baseline_class: type[Baseline]) -> str:
    """The baseline's own rule for few-shot episodes: an `OwnMethod`, else the name of a `Rule`.

    Raises `TypeError` where it has none.
    """
    if _has(baseline_class, "embed"):
        rule = baseline_class.rule
        if rule is not None:
            return rule
        if _has(baseline_class, "pair"):
            return "pair"
        if _has(baseline_class, "classify") or _has(baseline_class, "classify_block"):
            return "classify"
    if _has(baseline_class, "predict"):
        return "predict"
    raise TypeError(
        f"{baseline_class.__name__} cannot answer episodes: "
        "it needs embed with a rule, pair or classify; or predict"
    )


def rule_of(baseline_class: type[Baseline], *, is_classification: bool) -> str:
    """The baseline's own rule for protocols of this kind.

    A closed-set head decides in classification protocols. Raises `TypeError` as `episode_rule`.
    """
    if is_classification and has_head(baseline_class):
        return "classifier"
    return episode_rule(baseline_class)


def pair_rule(baseline_class: type[Baseline]) -> str:
    """What scores a pair of images; "predict" where nothing does.

    Raises `TypeError` as `episode_rule`.
    """
    if not _has(baseline_class, "embed"):
        return episode_rule(baseline_class)
    return "pair" if _has(baseline_class, "pair") else "cosine"


def scores_of_pairs(baseline: Baseline, method: OwnMethod, a_PD: Tensor, b_PD: Tensor) -> Tensor:
    """The score (P,) of each a with the b at its place, by a pair head or the cosine.

    Raises `ValueError` for another method.
    """
    if method == "cosine":
        return torch.cosine_similarity(a_PD, b_PD)
    if method != "pair":
        raise ValueError(f"{method} does not score pairs")
    scores = []
    for a_tile, b_tile in zip(a_PD.split(PAIR_TILE), b_PD.split(PAIR_TILE), strict=True):
        scores.append(checked_call(baseline, "pair", a_tile, b_tile).float().diagonal())
    return torch.cat(scores)


def own_method(name: str) -> OwnMethod | None:
    """`name` as a method of the baseline itself; None for the name of a `Rule`."""
    for method in get_args(OwnMethod):
        if method == name:
            found: OwnMethod = method
            return found
    return None


def checked_call(owner: Baseline | Rule, method: str, *tensors: Tensor) -> Tensor:
    """Call a method of a baseline or rule; raises `TypeError` where it returns no tensor."""
    result = getattr(owner, method)(*tensors)
    if not isinstance(result, Tensor):
        result_type = type(result).__name__
        raise TypeError(f"{method} gave a {result_type}; it must give a torch.Tensor")
    return result


def scores_from_features(
    baseline: Baseline, rule: Rule | OwnMethod, support_NKD: Tensor, query_QD: Tensor
) -> Tensor:
    """Scores (Q, N) of one episode. Gradients reach the queries if baseline and rule let them.

    rule: a fitted rule, or the baseline's own method. Raises `ValueError` for a method that does
    not answer from features.
    """
    if isinstance(rule, Rule):
        return checked_call(rule, "answer", support_NKD, query_QD)
    match rule:
        case "classify":
            return checked_call(baseline, "classify", support_NKD, query_QD)
        case "pair":
            references = support_NKD.flatten(0, 1)
            scores = pair_scores(baseline, query_QD, references)
            scores_QNK: Tensor = scores.unflatten(1, support_NKD.shape[:2])
            return scores_QNK.mean(2)
        case "predict" | "classifier" | "compose" | "cosine":
            raise ValueError(f"{rule} does not answer from features")
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
