"""Features to try rules on, and a rule's answers the way the engine and a plain loop come to them."""

from typing import Any

import numpy as np
import torch

from fewshot_bench.engine import scoring
from fewshot_bench.engine.blocks import BlockAnswers
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.protocols.episode import DrawnEpisodes
from fewshot_bench.registry.registry import Registry
from fewshot_bench.rule import Rule

POOL = ((0, 30), (30, 25), (55, 40))
RNG = np.random.default_rng(0)
CLASSES_M = np.repeat(np.arange(3), [count for _, count in POOL])
OFFSETS_ND = 1.5 * RNG.random((3, 16))
FEATURES_MD = np.abs(RNG.normal(size=(95, 16)) + OFFSETS_ND[CLASSES_M]).astype(np.float32)
TRAIN_MD = torch.from_numpy(np.abs(RNG.normal(size=(60, 16)) + 1).astype(np.float32))
TRAIN_LABELS_M = torch.arange(3).repeat_interleave(20)


def fitted(name: str, **settings: Any) -> Rule:
    """The rule of this name, fitted to the train features."""
    rule_class = Registry().rule(name).load()
    rule = rule_class(rule_class.settings_type(**settings))
    rule.fit(rule.powered(TRAIN_MD), TRAIN_LABELS_M)
    return rule


def scores(rule: Rule, shots: int = 3, queries: int = 6) -> tuple[np.ndarray, ...]:
    """(support_NKD, query_QD, scores_QN) of one episode, as `Rule.answer` gives them."""
    episodes = DrawnEpisodes(POOL, 3, shots, queries, "x").draw(0, 1)
    support = FEATURES_MD[episodes.support_TNK[0]]
    query = FEATURES_MD[episodes.query_TNQ[0].ravel()]
    given = rule.answer(torch.from_numpy(support), torch.from_numpy(query)).numpy()
    return support.astype(float), query.astype(float), given


def predicted_each(rule: Rule, shots: int, queries: int, episodes: int) -> np.ndarray:
    """The ways (T, Q) that `Rule.answer` gives, one episode after another."""
    drawn = DrawnEpisodes(POOL, 3, shots, queries, "x").draw(0, episodes)
    rows = []
    for support_NK, query_NQ in zip(drawn.support_TNK, drawn.query_TNQ, strict=True):
        support = torch.from_numpy(FEATURES_MD[support_NK])
        query = torch.from_numpy(FEATURES_MD[query_NQ.ravel()])
        rows.append(rule.answer(support, query).argmax(1).numpy())
    return np.stack(rows)


def predicted_in_blocks(
    rule: Rule, shots: int, queries: int, episodes: int, *, matrix: bool
) -> np.ndarray:
    """The same ways as the engine comes to them, from a matrix of products or from the features."""
    drawn = DrawnEpisodes(POOL, 3, shots, queries, "x").draw(0, episodes)
    query_TQ = drawn.query_TNQ.reshape(episodes, -1)
    features = rule.prepare(torch.from_numpy(FEATURES_MD)).numpy()
    if rule.shift_invariant:
        features = features - features.mean(0)
    if matrix:
        products = scoring.products_MM(features)
        answers = scoring.from_matrix(rule.score_products, products, drawn.support_TNK, query_TQ)
    else:
        answers = scoring.from_features(rule.score_products, features, drawn.support_TNK, query_TQ)
    return answers.ways_TQ


def of_rule(name: str, features_MD: np.ndarray = FEATURES_MD, **settings: Any) -> RuleFeatures:
    """What the engine makes of features by the rule of this name."""
    plugin = Registry().rule(name)
    chosen = plugin.load().settings_type(**settings)
    choice = RuleChoice(plugin, name, False, chosen)
    return RuleFeatures(choice, torch.from_numpy(features_MD), TRAIN_MD, TRAIN_LABELS_M)


def overlapping(features: int, apart: float = 2.0) -> np.ndarray:
    """Features (95, D) of the classes of `POOL`, all positive as after a ReLU."""
    rng = np.random.default_rng(4)
    centres = apart * rng.normal(size=(3, features)) / features**0.25
    return np.abs(centres[CLASSES_M] + rng.normal(size=(95, features))).astype(np.float32)


def agreement(name: str, peer: str, features_MD: np.ndarray, shots: int, episodes: int) -> float:
    """The share of 15 queries a class to which a rule and one of easyfsl give the same answer."""
    drawn = DrawnEpisodes(POOL, 3, shots, 15, "x").draw(0, episodes)
    query_TQ = drawn.query_TNQ.reshape(episodes, -1)
    ours = BlockAnswers(of_rule(name, features_MD), 1)
    ways_TQ = ours.answers(drawn.support_TNK, query_TQ, 10_000).ways_TQ
    theirs = fitted(f"easyfsl:{peer}")
    features = torch.from_numpy(features_MD)
    same = []
    with torch.no_grad():
        for support_NK, query_Q, ways_Q in zip(drawn.support_TNK, query_TQ, ways_TQ, strict=True):
            scores_QN = theirs.answer(features[support_NK], features[query_Q])
            same.append(scores_QN.argmax(1).numpy() == ways_Q)
    return float(np.mean(same))
