"""Blocks of episodes, answered at once by `classify_block` of a baseline.

Shapes: M embedded images, D features, T episodes, N ways, K shots, Q queries of an episode, B
episodes of a block. Query positions below 0 are padding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import checked_call
from fewshot_bench.contract.leaks import TOLERANCE, Leak, assert_inductive, assert_untouched
from fewshot_bench.engine import scoring
from fewshot_bench.engine.rule_leaks import allowed_difference
from fewshot_bench.engine.scoring import Answers, Floats, Ints, Ways

__all__ = ["OwnBlocks"]

FEATURES = 1_200_000  # gathered at once: 4.8 MB
CHECKED_EPISODES = 8  # that are answered once more, alone


class OwnBlocks:
    """Answers by `classify_block`, and the leak checks that go with it.

    embeddings_MD: of all images, on the device of the baseline.
    """

    def __init__(self, baseline: Baseline, embeddings_MD: Tensor) -> None:
        self.baseline = baseline
        self.embeddings_MD = embeddings_MD

    def answers(self, support_TNK: Ints, query_TQ: Ints) -> Answers:
        """The answers to each query.

        Raises `Leak` where the baseline uses what it must not, `Diverged` where a score is not
        finite.
        """
        with assert_untouched(self.baseline):
            answers = self.unchecked_answers(support_TNK, query_TQ)
        generator = np.random.default_rng(len(query_TQ))
        for episode in generator.permutation(len(query_TQ))[:CHECKED_EPISODES]:
            is_query_Q = query_TQ[episode] >= 0
            self._assert_answered_as_alone(
                support_TNK[episode],
                query_TQ[episode][is_query_Q],
                answers.ways_TQ[episode][is_query_Q],
                answers.scores_TQ[episode][is_query_Q],
            )
        return answers

    def unchecked_answers(self, support_TNK: Ints, query_TQ: Ints) -> Answers:
        """As `answers`, without looking for leaks."""
        images = support_TNK[0].size + query_TQ.shape[1]
        block = FEATURES // (images * self.embeddings_MD.shape[1])
        return scoring.in_blocks(self._scores_NBQ, support_TNK, query_TQ, block)

    def _scores_NBQ(self, support_BNK: Ints, query_BQ: Ints) -> Tensor:
        support_BNKD = self._features(support_BNK)
        query_BQD = self._features(query_BQ)
        scores_BQN = checked_call(self.baseline, "classify_block", support_BNKD, query_BQD)
        return scores_BQN.float().permute(2, 0, 1).contiguous().cpu()

    def _features(self, positions: Ints) -> Tensor:
        """Features (..., D) of images; zeros for padding."""
        rows = torch.from_numpy(positions).to(self.embeddings_MD.device).long()
        # four times as fast as brackets
        features = self.embeddings_MD.index_select(0, rows.clamp_min(0).flatten())
        features = features.view(*rows.shape, -1)
        is_padding = rows < 0
        if is_padding.any():
            features[is_padding] = 0
        return features

    def _assert_answered_as_alone(
        self, support_NK: Ints, query_Q: Ints, ways_Q: Ways, highest_Q: Floats
    ) -> None:
        """Raise `Leak` where an episode was answered otherwise than alone.

        ways_Q, highest_Q: what was predicted for its queries, and the scores of that.
        """
        support_NKD = self._features(support_NK)

        def scores_of(queries_QD: Tensor) -> Tensor:
            scores_QN = checked_call(self.baseline, "classify", support_NKD, queries_QD)
            return scores_QN.float()

        query_QD = self._features(query_Q)
        scores_QN = scores_of(query_QD)
        assert_inductive(self.baseline, scores_of, query_QD, scores_QN)
        scores_QN = scores_QN.cpu()
        ways_Q1 = torch.from_numpy(ways_Q).long()[:, None]
        chosen_Q = scores_QN.gather(1, ways_Q1)[:, 0]
        missed_Q = scores_QN.amax(1) - chosen_Q
        moved_Q = (chosen_Q - torch.from_numpy(highest_Q)).abs()
        largest = torch.maximum(missed_Q, moved_Q).max()
        if largest > allowed_difference(scores_QN, TOLERANCE):
            raise Leak(
                "classify_block answers an episode otherwise among others than classify does "
                "alone; scores must depend on their episode only"
            )
