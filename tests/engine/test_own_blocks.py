"""Baselines that answer a block of episodes: whatever is beside an episode, its answer is that of `classify`."""

import numpy as np
import pytest
import torch

from fewshot_bench.baseline import Baseline, Card
from fewshot_bench.contract.answering import answers_blocks
from fewshot_bench.engine import own_blocks
from fewshot_bench.engine.own_blocks import OwnBlocks
from fewshot_bench.errors import Diverged
from fewshot_bench.protocols.episode import DrawnEpisodes
from tests.helpers.rule_checks import POOL, overlapping

EPISODES = 12
FEATURES_MD = torch.from_numpy(overlapping(32))


class Nearest(Baseline):
    card = Card(title="Nearest", paper="a test")

    def embed(self, images):
        return images

    def classify_block(self, support, query):
        return -torch.cdist(query, support.mean(2))


class Transductive(Nearest):
    card = Card(title="Nearest", paper="a test", transductive=True)


class Broken(Nearest):
    def classify_block(self, support, query):
        return super().classify_block(support, query) / 0


@pytest.mark.parametrize("features_at_once", [1, 20_000, 10_000_000])
def test_padding_and_other_episodes_change_nothing(
    features_at_once: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(own_blocks, "FEATURES", features_at_once)
    drawn = DrawnEpisodes(POOL, 3, 2, 8, "x").draw(0, EPISODES)
    query_TQ = drawn.query_TNQ.reshape(EPISODES, -1).copy()
    query_TQ[np.random.default_rng(0).random(query_TQ.shape) < 0.2] = -1
    ways_TQ, highest_TQ = OwnBlocks(Nearest(), FEATURES_MD).answers(drawn.support_TNK, query_TQ)
    for episode in range(EPISODES):
        is_query_Q = query_TQ[episode] >= 0
        support_NKD = FEATURES_MD[torch.from_numpy(drawn.support_TNK[episode])]
        query_QD = FEATURES_MD[torch.from_numpy(query_TQ[episode][is_query_Q])]
        scores_QN = Nearest().classify(support_NKD, query_QD)
        assert np.array_equal(ways_TQ[episode][is_query_Q], scores_QN.argmax(1).numpy())
        assert np.allclose(highest_TQ[episode][is_query_Q], scores_QN.amax(1).numpy(), atol=1e-4)


def test_scores_that_are_no_numbers_are_told():
    drawn = DrawnEpisodes(POOL, 3, 2, 8, "x").draw(0, EPISODES)
    with pytest.raises(Diverged, match="not finite"):
        OwnBlocks(Broken(), FEATURES_MD).answers(
            drawn.support_TNK, drawn.query_TNQ.reshape(EPISODES, -1)
        )


def test_who_sees_other_queries_is_asked_one_episode_after_another():
    assert answers_blocks(Nearest)
    assert not answers_blocks(Transductive)
