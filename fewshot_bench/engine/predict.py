"""Episodes put to one training: the class predicted for each query.

Shapes: M embedded images, D features, T episodes, N ways, K shots, Q queries a class.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import assert_never

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import Rule, checked_call, scores_from_features
from fewshot_bench.contract.leaks import assert_inductive, assert_untouched
from fewshot_bench.engine import scoring
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import Diverged
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.protocols.episode import NO_QUERY, Episodes, blocks
from fewshot_bench.records.folder import NO_PREDICTION
from fewshot_bench.seeds import derive, global_seed, seed_all

__all__ = ["Predictor"]

CHECKED = 8  # episodes beside the first in which leaks are looked for
CHECKED_UP_TO = 50  # they are among the first so many
REPORT_EVERY = 16  # episodes answered one by one
INDICES = 8_000_000  # of images, in the episodes that are answered at once


class Predictor:
    """Answers the episodes of one set by `rule`.

    What the rule reads is made here, so that its seconds do not count as scoring.
    """

    def __init__(
        self, fitted: FittedBaseline, features: Features, episode_set: EpisodeSet, rule: Rule
    ) -> None:
        self.fitted = fitted
        self.features = features
        self.episode_set = episode_set
        self.rule = rule
        match rule:
            case "classifier":
                self.classes_M = features.classes_M
            case "mean_cosine" | "prototype" | "pair" | "classify":
                self.embeddings_MD = features.embeddings_MD
            case "predict":
                pass  # it takes the images themselves
            case _:
                assert_never(rule)

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
        one_by_one = _OneByOne(self)
        parts = []
        with global_seed(derive("answers", fitted.training.seed)), torch.no_grad():
            for _, episodes in blocks(episode_set.source, episode_set.first, stop, block):
                support_TNK = position[episodes.support_TNK]
                query_TNQ = position[episodes.query_TNQ]
                if self.rule == "classifier":
                    ways_TNQ = self.classes_M[query_TNQ]
                else:
                    ways_TNQ = self._ways(support_TNK, query_TNQ, one_by_one)
                parts.append(_classes_of_ways(episodes, ways_TNQ, query_TNQ))
        return np.concatenate(parts)

    def _ways(
        self, support_TNK: scoring.Ints, query_TNQ: scoring.Ints, one_by_one: _OneByOne
    ) -> scoring.Ways:
        """The way predicted for each query, (T, N, Q)."""
        rule = self.rule
        images = len(self.fitted.embedded)
        match rule:
            case "mean_cosine" | "prototype":
                is_prototype = rule == "prototype"
                if scoring.pays(images, self._vectors()):
                    pairs_MM = self.features.pairs_MM
                    return scoring.from_pairs(
                        pairs_MM, support_TNK, query_TNQ, prototype=is_prototype
                    )
                embeddings_MD = self.embeddings_MD.cpu().numpy()
                return scoring.from_embeddings(
                    embeddings_MD, support_TNK, query_TNQ, prototype=is_prototype
                )
            case "pair":
                # a run asks about few of all pairs, so the whole matrix would not pay
                if images <= scoring.LARGEST_MATRIX and not self.episode_set.is_classification:
                    return scoring.from_pairs(self.features.pairs_MM, support_TNK, query_TNQ)
                return scoring.predict_each(one_by_one.scores_QN, support_TNK, query_TNQ)
            case "classify" | "predict":
                return scoring.predict_each(one_by_one.scores_QN, support_TNK, query_TNQ)
            case "classifier":
                raise ValueError("a closed-set head answers without ways")
            case _:
                assert_never(rule)

    def _vectors(self) -> int:
        """About how many vectors of features the episodes would gather."""
        protocol = self.episode_set.protocol
        per_class = len(self.fitted.embedded) // len(protocol.test_classes)
        queries = protocol.queries or per_class
        per_episode = protocol.ways * (self.episode_set.shots + queries)
        return self.episode_set.episodes * per_episode


class _OneByOne:
    """Puts one episode after another to a baseline, each with its queries in random order."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.fitted = predictor.fitted
        self.answered = 0  # episodes
        key = self.fitted.training.key
        self.shuffle = torch.Generator().manual_seed(derive("queries", key))
        drawn = torch.randint(CHECKED_UP_TO, (CHECKED,), generator=self.shuffle)
        self.checked = {0, *drawn.tolist()}

    def scores_QN(
        self, support_NK: npt.NDArray[np.integer], query_Q: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float32]:
        """The scores of one episode, from positions.

        Raises `Leak` where the baseline uses what it must not see, `Diverged` where a score is not
        finite.
        """
        baseline = self.fitted.baseline
        episode_set = self.predictor.episode_set
        is_checked = self.answered in self.checked
        seed = derive("episode", self.fitted.training.seed, episode_set.first + self.answered)
        order = torch.randperm(len(query_Q), generator=self.shuffle)
        support = self._inputs(support_NK.ravel()).unflatten(0, support_NK.shape)
        query = self._inputs(query_Q[order.numpy()])
        if self.predictor.rule == "predict":
            answer = partial(checked_call, baseline, "predict", support)
        else:
            answer = partial(scores_from_features, baseline, self.predictor.rule, support)

        def scores_of(queries: Tensor) -> Tensor:
            seed_all(seed)  # an episode has one answer, whatever was answered before it
            return answer(queries).float()

        guard = assert_untouched(baseline, support, query)
        with guard if is_checked else contextlib.nullcontext():
            scores = scores_of(query)
        if not torch.isfinite(scores).all():
            raise Diverged(f"a score of a query is not finite, in episode {self.answered}")
        if is_checked:
            assert_inductive(baseline, scores_of, query, scores)
        self.answered += 1
        if self.answered % REPORT_EVERY == 0:
            report = self.fitted.report
            report("score", self.answered, episode_set.episodes, episode_set.label)
        in_order = scores[order.argsort().to(scores.device)]
        return np.asarray(in_order.cpu().numpy())

    def _inputs(self, positions: npt.NDArray[np.integer]) -> Tensor:
        """What the baseline's method takes: images, or their features."""
        if self.predictor.rule == "predict":
            return self.fitted.images(positions)
        rows = torch.from_numpy(positions).to(self.fitted.device)
        return self.predictor.embeddings_MD[rows]


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
