"""Rules that answer a block of episodes with all queries of each."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fewshot_bench.engine import blocks, scoring
from fewshot_bench.engine.blocks import BlockAnswers
from fewshot_bench.errors import NotApplicable
from fewshot_bench.protocols.episode import DrawnEpisodes
from tests.helpers.rule_checks import POOL, of_rule, overlapping
from tests.helpers.runs import SMALL, run

RULES = ("bd_cspn", "laplacian", "pt_map", "tim", "transductive_finetuning")
FEATURES_MD = overlapping(32)
EPISODES = 12
FEW = 100  # vectors, for which no matrix of products is made
MANY = 100_000


def episodes_with_padding() -> tuple[np.ndarray, np.ndarray]:
    """References (T, N, K) and queries (T, Q), of which each episode lacks others."""
    drawn = DrawnEpisodes(POOL, 3, 2, 8, "x").draw(0, EPISODES)
    query_TQ = drawn.query_TNQ.reshape(EPISODES, -1).copy()
    rng = np.random.default_rng(0)
    query_TQ[rng.random(query_TQ.shape) < 0.2] = -1
    return drawn.support_TNK, query_TQ


@pytest.mark.parametrize("vectors", [FEW, MANY])
@pytest.mark.parametrize("name", RULES)
def test_padding_and_other_episodes_change_nothing(name: str, vectors: int):
    support_TNK, query_TQ = episodes_with_padding()
    made = of_rule(name, FEATURES_MD)
    ways_TQ, highest_TQ = BlockAnswers(made, 1).answers(support_TNK, query_TQ, vectors)
    features_MD = made.transformed_MD
    for episode in range(EPISODES):
        query_Q = query_TQ[episode]
        is_query_Q = query_Q >= 0
        support_NKD = features_MD[torch.from_numpy(support_TNK[episode])]
        scores_QN = made.fresh_rule().scores(
            support_NKD, features_MD[torch.from_numpy(query_Q[is_query_Q])]
        )
        assert np.array_equal(ways_TQ[episode][is_query_Q], scores_QN.argmax(1).numpy())
        assert np.allclose(highest_TQ[episode][is_query_Q], scores_QN.amax(1).numpy(), atol=1e-4)


@pytest.mark.parametrize("name", RULES)
def test_the_order_of_queries_and_the_size_of_a_block_change_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    support_TNK, query_TQ = episodes_with_padding()
    made = of_rule(name, FEATURES_MD)
    first_TQ = BlockAnswers(made, 1).answers(support_TNK, query_TQ, MANY).ways_TQ
    monkeypatch.setattr(blocks, "PRODUCTS", 1)
    monkeypatch.setattr(blocks, "FEATURES", 1)
    monkeypatch.setattr(blocks, "WHOLE", 1)
    second_TQ = BlockAnswers(made, 2).answers(support_TNK, query_TQ, MANY).ways_TQ
    is_query_TQ = query_TQ >= 0
    assert np.array_equal(first_TQ[is_query_TQ], second_TQ[is_query_TQ])


def test_an_episode_too_large_to_compare_its_images_says_so(monkeypatch: pytest.MonkeyPatch):
    support_TNK, query_TQ = episodes_with_padding()
    monkeypatch.setattr(scoring, "LARGEST_MATRIX", 20)
    made = BlockAnswers(of_rule("bd_cspn", FEATURES_MD), 1)
    with pytest.raises(NotApplicable, match="all 30 images of an episode"):
        made.answers(support_TNK, query_TQ, MANY)


def test_iterations_that_do_not_converge_are_in_the_record_and_the_table(tmp_path: Path):
    settings = {**SMALL, "laplacian.steps": "1", "laplacian.strength": "0.9"}
    small = run(tmp_path / "out", rules=["laplacian"], shots=[1], settings=settings)
    assert small.records[0].unfinished == 60
    assert "did not converge in 60 episodes" in small.table["note"][0]
    assert small.table["transductive"].all()
