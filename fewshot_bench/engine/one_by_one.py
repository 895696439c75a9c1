"""One episode after another, put to a baseline or rule; and the checks for leaks.

Shapes: T episodes, N ways, K shots, Q queries of an episode, D features.
"""

from __future__ import annotations

import contextlib

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import OwnMethod, checked_call, scores_from_features
from fewshot_bench.contract.leaks import assert_inductive, assert_untouched
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.engine.rule_features import RuleFeatures
from fewshot_bench.engine.rule_leaks import assert_same_scores
from fewshot_bench.errors import Diverged
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.rule import Rule
from fewshot_bench.seeds import derive, seed_all

__all__ = ["OneByOne"]

CHECKED = 8  # episodes beside the first in which leaks are looked for
CHECKED_UP_TO = 50  # they are among the first so many
REPORT_EVERY = 16  # episodes answered one by one


class OneByOne:
    """Puts one episode after another to a baseline or rule, each with its queries in random order.

    answerer: a rule with its features, or the method of the baseline that answers.
    """

    def __init__(
        self,
        fitted: FittedBaseline,
        features: Features,
        episode_set: EpisodeSet,
        answerer: RuleFeatures | OwnMethod | None,
    ) -> None:
        self.fitted = fitted
        self.episode_set = episode_set
        self.answerer = answerer
        self.answered = 0  # episodes
        if answerer in ("pair", "classify"):
            self.embeddings_MD = features.beside_known_MD(episode_set.known)
        key = self.fitted.training.key
        self.shuffle = torch.Generator().manual_seed(derive("queries", key))
        drawn = torch.randint(CHECKED_UP_TO, (CHECKED,), generator=self.shuffle)
        self.checked = {0, *drawn.tolist()}

    @property
    def owner(self) -> Baseline | Rule:
        """Whose method answers."""
        if isinstance(self.answerer, RuleFeatures):
            return self.answerer.rule
        return self.fitted.baseline

    def scores_QN(
        self, support_NK: npt.NDArray[np.integer], query_Q: npt.NDArray[np.integer]
    ) -> npt.NDArray[np.float32]:
        """The scores of one episode, from positions.

        Raises `Leak` where the owner uses what it must not see, `Diverged` where a score is not
        finite.
        """
        is_checked = self.answered in self.checked
        seed = derive("episode", self.fitted.training.seed, self.episode_set.first + self.answered)
        order = torch.randperm(len(query_Q), generator=self.shuffle)
        support = self._inputs(support_NK.ravel()).unflatten(0, support_NK.shape)
        query = self._inputs(query_Q[order.numpy()])

        def scores_of(queries: Tensor) -> Tensor:
            seed_all(seed)  # an episode has one answer, whatever was answered before it
            return self._scores(support, queries).float()

        guard = assert_untouched(self.owner, support, query)
        with guard if is_checked else contextlib.nullcontext():
            scores = scores_of(query)
        if not torch.isfinite(scores).all():
            raise Diverged(f"a score of a query is not finite, in episode {self.answered}")
        if is_checked:
            assert_inductive(self.owner, scores_of, query, scores)
            if isinstance(self.answerer, RuleFeatures):
                seed_all(seed)
                assert_same_scores(self.answerer.fresh_rule, support, query, scores)
        self.answered += 1
        if self.answered % REPORT_EVERY == 0:
            report = self.fitted.report
            report("score", self.answered, self.episode_set.episodes, self.episode_set.label)
        in_order = scores[order.argsort().to(scores.device)]
        return np.asarray(in_order.cpu().numpy())

    def _scores(self, support: Tensor, query: Tensor) -> Tensor:
        match self.answerer:
            case RuleFeatures():
                return checked_call(self.answerer.rule, "scores", support, query)
            case "predict":
                return checked_call(self.fitted.baseline, "predict", support, query)
            case None:
                raise ValueError("nothing answers")
            case _:
                return scores_from_features(self.fitted.baseline, self.answerer, support, query)

    def _inputs(self, positions: npt.NDArray[np.integer]) -> Tensor:
        """What the method takes: images, or their features, transformed for a rule."""
        if self.answerer == "predict":
            return self.fitted.images(positions)
        rows = torch.from_numpy(positions)
        if isinstance(self.answerer, RuleFeatures):
            return self.answerer.transformed_MD[rows]
        return self.embeddings_MD[rows.to(self.fitted.device)]
