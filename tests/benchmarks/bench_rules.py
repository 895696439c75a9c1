"""Decision rules beside easyfsl's loop and scikit-learn's, on the same episodes: one thread each.

Features in, answers out. What a rule gives is compared too, so that a fast wrong answer shows.
"""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fewshot_bench.engine import scoring
from fewshot_bench.engine.blocks import BlockAnswers
from fewshot_bench.protocols.episode import DrawnEpisodes, Episodes
from fewshot_bench.registry.registry import Registry
from fewshot_bench.rule import Rule

WAYS, SHOTS, QUERIES, EPISODES = 3, 5, 15, 2_000
POOL = ((0, 300), (300, 300), (600, 300))  # NEU's test classes
PEER_EPISODES = 20  # the peers' cost an episode is constant
ROUNDS = 5
VECTORS = EPISODES * WAYS * (SHOTS + QUERIES)
# the rule, easyfsl's classifier, the goal
PEERS = {
    "bd_cspn": "BD_CSPN",
    "laplacian": "LaplacianShot",
    "tim": "TIM",
    "pt_map": "PTMAP",
    "transductive_finetuning": "TransductiveFinetuning",
}
GOAL = 20
INDUCTIVE = ("mean_cosine", "ridge", "tip", "nearest", "whitened", "logistic")


def embeddings(features: int) -> np.ndarray:
    """Three overlapping classes, all features positive as after a ReLU."""
    rng = np.random.default_rng(0)
    centres_ND = rng.normal(size=(3, features)) * 2.5 / features**0.25
    values_MD = np.repeat(centres_ND, 300, axis=0) + rng.normal(size=(900, features))
    return np.abs(values_MD).astype(np.float32)


def drawn() -> Episodes:
    return DrawnEpisodes(POOL, WAYS, SHOTS, QUERIES, "benchmark").draw(0, EPISODES)


def fitted(name: str, features_MD: np.ndarray) -> Rule:
    rule: Rule = Registry().rule(name).load()()
    rule.fit(torch.from_numpy(features_MD), torch.arange(900) // 300)
    return rule


def transformed(rule: Rule, features_MD: np.ndarray) -> SimpleNamespace:
    """What the engine reads of a rule: its transformed features and their products."""
    transformed_MD = rule.prepare(torch.from_numpy(features_MD))
    engine_MD = transformed_MD.numpy()
    if rule.shift_invariant:
        engine_MD = engine_MD - engine_MD.mean(0)
    products_MM = None
    if rule.block_method() != "score_block":
        products_MM = scoring.products_MM(engine_MD)
    return SimpleNamespace(
        rule=rule, transformed_MD=transformed_MD, engine_MD=engine_MD, products_MM=products_MM
    )


def answers(made: SimpleNamespace, episodes: Episodes) -> np.ndarray:
    """The way (T, Q) of each query."""
    query_TQ = episodes.query_TNQ.reshape(EPISODES, -1)
    with torch.no_grad():
        blocks = BlockAnswers(made, 1)
        ways_TQ: np.ndarray = blocks._answers(episodes.support_TNK, query_TQ, VECTORS).ways_TQ
    return ways_TQ


def easyfsl(name: str, features_MD: np.ndarray, episodes: Episodes) -> Callable[[], np.ndarray]:
    """Its loop over the first episodes, which gives the way (T, Q) of each query."""
    rule = fitted(f"easyfsl:{name}", features_MD)
    features = torch.from_numpy(features_MD)

    def run() -> np.ndarray:
        ways = []
        with torch.no_grad():
            for episode in range(PEER_EPISODES):
                support_NKD = features[episodes.support_TNK[episode]]
                query_QD = features[episodes.query_TNQ[episode].ravel()]
                ways.append(rule.scores(support_NKD, query_QD).argmax(1).numpy())
        return np.stack(ways)

    return run


def scikit_learn(features_MD: np.ndarray, episodes: Episodes) -> Callable[[], np.ndarray]:
    """Its logistic regression over the first episodes, as `easyfsl`."""
    from sklearn.linear_model import LogisticRegression

    unit_MD = features_MD / np.linalg.norm(features_MD, axis=1, keepdims=True)
    classes_S = np.repeat(range(WAYS), SHOTS)

    def run() -> np.ndarray:
        ways = []
        for episode in range(PEER_EPISODES):
            regression = LogisticRegression()
            regression.fit(unit_MD[episodes.support_TNK[episode].ravel()], classes_S)
            ways.append(regression.predict(unit_MD[episodes.query_TNQ[episode].ravel()]))
        return np.stack(ways)

    return run


def measure(table, name: str, features: int, peer_name: str, peer: Callable[[], np.ndarray]):
    features_MD = embeddings(features)
    episodes = drawn()
    rule = fitted(name, features_MD)
    made = transformed(rule, features_MD)
    same = (answers(made, episodes)[:PEER_EPISODES] == peer()).mean()
    assert same >= 0.98, f"{name}: {same:.4f}"  # tests/rules holds it to 0.995 of more queries
    rates = table.interleaved(
        {
            "whole": (lambda: answers(transformed(rule, features_MD), episodes), EPISODES),
            "answers": (lambda: answers(made, episodes), EPISODES),
            "peer": (peer, PEER_EPISODES),
        },
        threads=1,
        rounds=ROUNDS,
    )
    whole, alone = (rates[key] / rates["peer"] for key in ("whole", "answers"))
    table.add(
        f"episodes a second by `{name}`, D = {features}, times {peer_name}",
        f"{whole:.0f}x; {alone:.0f}x once its features are transformed and multiplied",
        f"{rates['whole']:,.0f} and {rates['peer']:,.0f}",
        f">= {GOAL}x",
    )


@pytest.mark.parametrize("features", [512, 1280])
@pytest.mark.parametrize("name", PEERS)
def test_rules_beside_easyfsl(name: str, features: int, table):
    features_MD = embeddings(features)
    measure(table, name, features, "easyfsl 1.5.0", easyfsl(PEERS[name], features_MD, drawn()))


@pytest.mark.parametrize("features", [512, 1280])
def test_logistic_beside_scikit_learn(features: int, table):
    peer = scikit_learn(embeddings(features), drawn())
    measure(table, "logistic", features, "scikit-learn", peer)


@pytest.mark.parametrize("features", [512, 1280])
def test_inductive_rules(features: int, table):
    """How long they take beside the simplest."""
    features_MD = embeddings(features)
    episodes = drawn()
    runs = {}
    for name in INDUCTIVE:
        made = transformed(fitted(name, features_MD), features_MD)
        runs[name] = (lambda made=made: answers(made, episodes), EPISODES)
    rates = table.interleaved(runs, threads=1, rounds=ROUNDS)
    for name in INDUCTIVE:
        table.add(
            f"episodes a second by `{name}`, D = {features}, features transformed and multiplied",
            f"{rates[name]:,.0f}",
        )
