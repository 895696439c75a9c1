"""Episodes put to one training: the class predicted for each query.

Shapes: M embedded images, D features, T episodes, N ways, K shots, Q queries of an episode.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from fewshot_bench.contract.answering import own_method
from fewshot_bench.contract.leaks import assert_untouched
from fewshot_bench.engine import scoring
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.one_by_one import OneByOne
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.engine.rule_leaks import assert_answered_as_alone
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.protocols.episode import NO_QUERY, Episodes, blocks
from fewshot_bench.records.folder import NO_PREDICTION
from fewshot_bench.seeds import derive, global_seed

__all__ = ["Predictor"]

INDICES = 8_000_000  # of images, in the episodes that are answered at once


class Predictor:
    """Answers the episodes of one set by one rule.

    What the rule reads is made here, so that its seconds do not count as scoring.
    """

    def __init__(
        self,
        fitted: FittedBaseline,
        features: Features,
        episode_set: EpisodeSet,
        choice: RuleChoice,
    ) -> None:
        self.fitted = fitted
        self.features = features
        self.episode_set = episode_set
        self.method = own_method(choice.name)
        self.of_rule: RuleFeatures | None = None
        if self.method is None:
            self.of_rule = features.of_rule(choice)
        elif self.method == "classifier":
            self.classes_M = features.classes_M
        elif self.method != "predict":  # that takes the images themselves
            self.embeddings_MD = features.embeddings_MD

    def predicted_TNQ(self) -> npt.NDArray[np.uint8]:
        """The test class predicted for each query; `NO_PREDICTION` at padding."""
        fitted = self.fitted
        episode_set = self.episode_set
        # the last place is where padding points to
        position = np.full(len(fitted.data) + 1, NO_QUERY, dtype=np.int32)
        position[fitted.embedded] = np.arange(len(fitted.embedded))
        largest_class = max(count for _, count in episode_set.pool)
        block = max(1, INDICES // (episode_set.protocol.ways * largest_class))
        stop = episode_set.first + episode_set.episodes
        one_by_one = OneByOne(fitted, self.features, episode_set, self.of_rule or self.method)
        parts = []
        with global_seed(derive("answers", fitted.training.seed)), torch.no_grad():
            for _, episodes in blocks(episode_set.source, episode_set.first, stop, block):
                support_TNK = position[episodes.support_TNK]
                query_TNQ = position[episodes.query_TNQ]
                if self.method == "classifier":
                    ways_TNQ = self.classes_M[query_TNQ]
                else:
                    ways_TNQ = self._ways(support_TNK, query_TNQ, one_by_one)
                parts.append(_classes_of_ways(episodes, ways_TNQ, query_TNQ))
        return np.concatenate(parts)

    def _ways(
        self, support_TNK: scoring.Ints, query_TNQ: scoring.Ints, one_by_one: OneByOne
    ) -> scoring.Ways:
        """The way predicted for each query, (T, N, Q a class).

        A rule gets the queries of all classes in random order.
        """
        query_TQ = query_TNQ.reshape(len(query_TNQ), -1)
        generator = np.random.default_rng(derive("order of queries", self.episode_set.digest))
        order = generator.permutation(query_TQ.shape[1])
        ways_TQ = np.empty(query_TQ.shape, dtype=np.uint8)
        ways_TQ[:, order] = self._answered(support_TNK, query_TQ[:, order], one_by_one)
        return ways_TQ.reshape(query_TNQ.shape)

    def _answered(
        self, support_TNK: scoring.Ints, query_TQ: scoring.Ints, one_by_one: OneByOne
    ) -> scoring.Ways:
        images = len(self.fitted.embedded)
        if self.of_rule is not None and self.of_rule.is_fast:
            return self._in_blocks(self.of_rule, support_TNK, query_TQ)
        # a run asks about few of all pairs, so the whole matrix would not pay
        is_few_shot = not self.episode_set.is_classification
        if self.method == "pair" and is_few_shot and images <= scoring.LARGEST_MATRIX:
            matrix_MM = self.features.pairs_MM
            return scoring.from_matrix(scoring.mean_score, matrix_MM, support_TNK, query_TQ)
        return scoring.predict_each(one_by_one.scores_QN, support_TNK, query_TQ)

    def _in_blocks(
        self, of_rule: RuleFeatures, support_TNK: scoring.Ints, query_TQ: scoring.Ints
    ) -> scoring.Ways:
        """The ways by a rule that reads inner products."""
        score = of_rule.rule.score_products
        engine_MD = of_rule.engine_MD
        with assert_untouched(of_rule.rule):
            if scoring.pays(len(engine_MD), self._vectors()):
                matrix_MM = of_rule.products_MM
                ways_TQ = scoring.from_matrix(score, matrix_MM, support_TNK, query_TQ)
            else:
                ways_TQ = scoring.from_features(score, engine_MD, support_TNK, query_TQ)
        assert_answered_as_alone(
            of_rule.fresh_rule,
            of_rule.transformed_MD,
            torch.from_numpy(engine_MD),
            support_TNK,
            query_TQ,
            ways_TQ,
        )
        return ways_TQ

    def _vectors(self) -> int:
        """About how many vectors of features the episodes would gather."""
        protocol = self.episode_set.protocol
        per_class = len(self.fitted.embedded) // len(protocol.test_classes)
        queries = protocol.queries or per_class
        per_episode = protocol.ways * (self.episode_set.shots + queries)
        return self.episode_set.episodes * per_episode


def _classes_of_ways(
    episodes: Episodes, ways_TNQ: scoring.Ways, query_TNQ: scoring.Ints
) -> npt.NDArray[np.uint8]:
    """The test class of each predicted way."""
    count = len(episodes)
    classes_TN = episodes.classes_TN.astype(np.uint8)
    # numpy takes along an axis of as many dimensions as the table has
    ways = ways_TNQ.reshape(count, -1).astype(np.intp)
    classes = np.take_along_axis(classes_TN, ways, axis=1)
    classes_TNQ = classes.reshape(query_TNQ.shape)
    is_query_TNQ = query_TNQ >= 0
    return np.where(is_query_TNQ, classes_TNQ, np.uint8(NO_PREDICTION))
