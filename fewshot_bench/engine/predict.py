"""Episodes put to one training: the class predicted for each query.

Shapes: M embedded images, D features, T episodes, N ways (with known classes: and these), K shots,
A queries of an episode, of all kinds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import answers_blocks, composes, own_method
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.engine import scoring
from fewshot_bench.engine.blocks import BlockAnswers
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.one_by_one import OneByOne
from fewshot_bench.engine.own_blocks import OwnBlocks
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.errors import NotApplicable
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.protocols.episode import NO_QUERY, Episodes, blocks
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.records.answered import NO_PREDICTION, Answered, ranks_of
from fewshot_bench.seeds import derive, global_seed

__all__ = ["Predictor", "check_references"]

INDICES = 8_000_000  # of images, in the episodes that are answered at once


def check_references(
    baseline_class: type[Baseline],
    choice: RuleChoice,
    episode_set: EpisodeSet,
    data: LabelledImages,
) -> None:
    """Raise `NotApplicable` where there are no references and it needs some; before a training."""
    if episode_set.shots > 0:
        return
    if choice.name != "compose":
        raise NotApplicable(
            f"{choice.name} compares with references, and there are none at 0 shots"
        )
    if not composes(baseline_class):
        raise NotApplicable("it needs references; ask for 1 shot or more")
    if not data.composition:
        raise NotApplicable(
            f"the classes of {data.name} are not made of known kinds of defect, so it needs "
            "references; ask for 1 shot or more"
        )


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
        self.unfinished = 0  # episodes in which iterations of the rule did not converge
        if self.method is None:
            self.of_rule = features.of_rule(choice, episode_set.known)
        elif self.method == "classifier":
            self.classes_M = features.classes_M
        elif self.method == "compose":
            self.scores_MC = features.composed_MC(episode_set.protocol.test_classes)
        elif self.method == "predict" and episode_set.known:
            raise NotApplicable(
                "it answers from the images of a support, and the references of a known class are "
                "all of its train images"
            )

    def answered(self) -> Answered:
        """All that `answer` gives at once."""
        parts: list[Answered] = []
        self.answer(parts.append)
        predicted_TA = np.concatenate([part.predicted_TA for part in parts])
        ranks = [part.ranks_TA for part in parts if part.ranks_TA is not None]
        return Answered(predicted_TA, np.concatenate(ranks) if ranks else None)

    def answer(self, keep: Callable[[Answered], object]) -> None:
        """Give `keep` the class predicted for each query, block by block.

        It is `NO_PREDICTION` at padding. In an open set the ranks of the scores come with it.
        """
        episode_set = self.episode_set
        largest_class = max(count for _, count in episode_set.pool)
        block = max(1, INDICES // (episode_set.protocol.ways * largest_class))
        stop = episode_set.first + episode_set.episodes
        answerer = self.of_rule or self.method
        one_by_one = OneByOne(self.fitted, self.features, episode_set, answerer)
        with global_seed(derive("answers", self.fitted.training.seed)), torch.no_grad():
            for _, episodes in blocks(episode_set.source, episode_set.first, stop, block):
                keep(self._answered_block(episodes, one_by_one))

    @functools.cached_property
    def _position(self) -> npt.NDArray[np.int32]:
        """The position of each image among the embedded ones."""
        # the last place is where padding points to
        position = np.full(len(self.fitted.data) + 1, NO_QUERY, dtype=np.int32)
        position[self.fitted.embedded] = np.arange(len(self.fitted.embedded))
        return position

    def _answered_block(self, episodes: Episodes, one_by_one: OneByOne) -> Answered:
        query_TA = self._position[episodes.all_queries_TA]
        is_query_TA = query_TA >= 0
        if self.method == "classifier":
            # all classes are the ways of a run, in their order
            classes_TA = self.classes_M[query_TA]
            return Answered(np.where(is_query_TA, classes_TA, np.uint8(NO_PREDICTION)))
        if self.method == "compose":
            ways_TA = self._highest_ways(episodes, query_TA)
            return Answered(_classes_of_ways(episodes, ways_TA, is_query_TA))
        answers = self._in_random_order(self._support(episodes), query_TA, one_by_one)
        predicted_TA = _classes_of_ways(episodes, answers.ways_TQ, is_query_TA)
        protocol = self.episode_set.protocol
        if isinstance(protocol, OpenWorld) and protocol.open_set:
            return Answered(predicted_TA, ranks_of(answers.scores_TQ, is_query_TA))
        return Answered(predicted_TA)

    def _highest_ways(self, episodes: Episodes, query_TA: scoring.Ints) -> scoring.Ways:
        """The way whose class has the highest score, for each query."""
        ways = [
            self.scores_MC[query_A][:, classes_N].argmax(1)
            for query_A, classes_N in zip(query_TA, episodes.classes_TN, strict=True)
        ]
        return np.stack(ways).astype(np.uint8)

    def _support(self, episodes: Episodes) -> scoring.Ints:
        """Positions (T, N, K) of the references; a known class has K times its mean.

        Where each reference stands as its views, K counts these.
        """
        support_TNK: scoring.Ints = self._position[episodes.support_TNK]
        first_mean = len(self.fitted.embedded)
        if self.of_rule is not None:
            support_TNK = self.of_rule.references(support_TNK)
            first_mean = self.of_rule.first_mean
        known = len(self.episode_set.known)
        if not known:
            return support_TNK
        count, _, shots = support_TNK.shape
        means_M = first_mean + np.arange(known, dtype=np.int32)
        means_TMK = np.broadcast_to(means_M[:, None], (count, known, shots))
        return np.concatenate([support_TNK, means_TMK], axis=1)

    def _in_random_order(
        self, support_TNK: scoring.Ints, query_TA: scoring.Ints, one_by_one: OneByOne
    ) -> scoring.Answers:
        """The answers to each query, which a rule gets in random order."""
        generator = np.random.default_rng(derive("order of queries", self.episode_set.digest))
        order = generator.permutation(query_TA.shape[1])
        shuffled = self._answers(support_TNK, query_TA[:, order], one_by_one)
        back = order.argsort()
        return scoring.Answers(shuffled.ways_TQ[:, back], shuffled.scores_TQ[:, back])

    def _answers(
        self, support_TNK: scoring.Ints, query_TQ: scoring.Ints, one_by_one: OneByOne
    ) -> scoring.Answers:
        images = len(self.fitted.embedded)
        if self.of_rule is not None and self.of_rule.is_fast:
            return self._in_blocks(self.of_rule, support_TNK, query_TQ)
        # a run asks about few of all pairs, so the whole matrix would not pay
        is_few_shot = not self.episode_set.is_classification
        known = self.episode_set.known
        if self.method == "pair" and is_few_shot and images <= scoring.LARGEST_MATRIX:
            matrix_RM = self.features.pairs_beside_known(known)
            return scoring.from_matrix(scoring.mean_score, matrix_RM, support_TNK, query_TQ)
        if self.method == "pair" and known:
            raise NotApplicable(
                f"it scores pairs, and known classes need the scores of {images} images at once "
                f"(allowed: {scoring.LARGEST_MATRIX})"
            )
        if self.method == "classify" and answers_blocks(type(self.fitted.baseline)):
            own_blocks = OwnBlocks(self.fitted.baseline, one_by_one.embeddings_MD)
            return own_blocks.answers(support_TNK, query_TQ)
        return scoring.predict_each(one_by_one.scores_QN, support_TNK, query_TQ)

    def _in_blocks(
        self, of_rule: RuleFeatures, support_TNK: scoring.Ints, query_TQ: scoring.Ints
    ) -> scoring.Answers:
        """By a rule that answers blocks of episodes."""
        in_blocks = BlockAnswers(of_rule, derive("orders of queries", self.episode_set.digest))
        answers = in_blocks.answers(support_TNK, query_TQ, self._vectors())
        self.unfinished += in_blocks.unfinished
        return answers

    def _vectors(self) -> int:
        """About how many vectors of features the episodes would gather."""
        protocol = self.episode_set.protocol
        per_class = len(self.fitted.embedded) // len(protocol.test_classes)
        queries = protocol.queries or per_class
        views = self.of_rule.choice.reference_views if self.of_rule is not None else 1
        per_episode = protocol.ways * (views * self.episode_set.shots + queries)
        return self.episode_set.episodes * per_episode


def _classes_of_ways(
    episodes: Episodes, ways_TA: scoring.Ways, is_query_TA: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """The class of each predicted way."""
    classes_TN = episodes.candidates_TN.astype(np.uint8)
    classes_TA = np.take_along_axis(classes_TN, ways_TA.astype(np.intp), axis=1)
    return np.where(is_query_TA, classes_TA, np.uint8(NO_PREDICTION))
