"""Pairs put to one training: whether two images are taken for one class.

Shapes: M images, D features, P pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fewshot_bench.contract.answering import (
    OwnMethod,
    checked_call,
    own_method,
    scores_of_pairs,
)
from fewshot_bench.contract.leaks import assert_inductive, assert_untouched
from fewshot_bench.engine.features import Features
from fewshot_bench.engine.fitted_baseline import FittedBaseline
from fewshot_bench.errors import Diverged, NotApplicable
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.rule_choice import RuleChoice
from fewshot_bench.protocols.episode import Episodes
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.records.answered import DIFFERENT, SAME, Answered, ranks_of
from fewshot_bench.records.record import OF_TRAIN_PAIRS, OWN_THRESHOLD, Threshold
from fewshot_bench.seeds import derive, global_seed

__all__ = ["PairPredictor", "best_threshold"]

CHECKED = 128  # pairs in which leaks are looked for


class _PairFeatures(NamedTuple):
    """Features of the images of each pair."""

    first_PD: Tensor
    second_PD: Tensor


class PairPredictor:
    """Answers the pairs of one set. What scores them is made here, as of a `Predictor`.

    Raises `NotApplicable` for a baseline that answers from the images of an episode, and for one
    without a threshold where there is a single train class.
    """

    def __init__(
        self,
        fitted: FittedBaseline,
        features: Features,
        episode_set: EpisodeSet,
        choice: RuleChoice,
    ) -> None:
        protocol = episode_set.protocol
        assert isinstance(protocol, Pairs)
        method = own_method(choice.name)
        if method not in ("pair", "cosine"):
            raise NotApplicable(
                "it answers from the images of an episode, by a choice between classes, and gives "
                "two images no score"
            )
        self.method: OwnMethod = method
        self.fitted = fitted
        self.features = features
        self.protocol = protocol
        self.asked = self._features(episode_set.source.draw(0, protocol.pairs))
        self.threshold = self._threshold()

    def answer(self, keep: Callable[[Answered], object]) -> None:
        """Give `keep` what `answered` gives: all pairs at once, as each has a rank among all."""
        keep(self.answered())

    def answered(self) -> Answered:
        """Whether each pair is taken for one class (P, 1), and the rank of its score among all."""
        scores_P = self._scores(self.asked)
        is_same_P = scores_P > self.threshold.score
        predicted_P = np.where(is_same_P, SAME, DIFFERENT).astype(np.uint8)
        ranks_1P = ranks_of(scores_P[None], np.ones((1, len(scores_P)), dtype=np.bool_))
        return Answered(predicted_P[:, None], ranks_1P.T)

    def _threshold(self) -> Threshold:
        """The baseline's own, else the one that best tells pairs of train images apart."""
        own = self.fitted.baseline.same_above
        if self.method == "pair" and own is not None:
            return Threshold(score=own, source=OWN_THRESHOLD)
        data = self.fitted.data
        try:
            source = self.protocol.train_pairs(data)
        except ValueError:
            raise NotApplicable(
                "it has no threshold of its own, and pairs of train images, which give one, need "
                "two train classes with two images each"
            ) from None
        pairs = source.draw(0, source.pairs)
        labels_P2 = data.labels[_images(pairs)]
        scores_P = self._scores(self._features(pairs, is_train=True))
        score = best_threshold(scores_P, labels_P2[:, 0] == labels_P2[:, 1])
        return Threshold(score=score, source=OF_TRAIN_PAIRS)

    def _features(self, pairs: Episodes, *, is_train: bool = False) -> _PairFeatures:
        """Of both images of each pair. is_train: they are train images, else embedded ones."""
        image_P2 = _images(pairs)
        if self.protocol.turned:
            images_M, flat_rows = np.unique(image_P2, return_inverse=True)
            row_P2 = flat_rows.reshape(image_P2.shape)
            turns = self.protocol.turns(self.fitted.data.digest)
            features_MD = self.features.turned_MD(images_M, turns.of(images_M))
        else:
            split = self.fitted.training.split
            kept_M = split.train if is_train else split.embedded
            features_MD = self.features.embeddings_MD
            if is_train:
                features_MD = self.features.train_embeddings_MD
            order = kept_M.argsort()
            row_P2 = order[np.searchsorted(kept_M, image_P2, sorter=order)]
        rows = torch.from_numpy(row_P2).to(features_MD.device)
        return _PairFeatures(features_MD[rows[:, 0]], features_MD[rows[:, 1]])

    def _scores(self, pairs: _PairFeatures) -> npt.NDArray[np.float32]:
        """The score (P,) of each pair; the pairs are scored in random order.

        Raises `Leak` where the pair head uses what it must not see, and `Diverged` where a score
        is not finite.
        """
        baseline = self.fitted.baseline
        training = self.fitted.training
        generator = torch.Generator().manual_seed(derive("order of pairs", training.key))
        order = torch.randperm(len(pairs.first_PD), generator=generator)
        first_PD = pairs.first_PD[order.to(pairs.first_PD.device)]
        second_PD = pairs.second_PD[order.to(pairs.second_PD.device)]
        guard = assert_untouched(baseline, first_PD, second_PD)
        with global_seed(derive("pairs", training.seed)), torch.no_grad(), guard:
            scores_P = scores_of_pairs(baseline, self.method, first_PD, second_PD).cpu()
            if self.method == "pair":
                self._check_leaks(first_PD[:CHECKED], second_PD[:CHECKED])
        if not torch.isfinite(scores_P).all():
            raise Diverged("a score of a pair is not finite; lower the learning rate")
        return np.asarray(scores_P[order.argsort()].float().numpy())

    def _check_leaks(self, first_PD: Tensor, second_PD: Tensor) -> None:
        baseline = self.fitted.baseline

        def of_rows(rows: Tensor) -> Tensor:
            return checked_call(baseline, "pair", rows, second_PD).float()

        assert_inductive(baseline, of_rows, first_PD, of_rows(first_PD))


def _images(pairs: Episodes) -> npt.NDArray[np.int32]:
    """The two images of each pair, (P, 2), as indices into the data set."""
    images_P12 = np.concatenate([pairs.support_TNK, pairs.query_TNQ], axis=2)
    return images_P12[:, 0]


def best_threshold(scores_P: npt.NDArray[np.float32], is_same_P: npt.NDArray[np.bool_]) -> float:
    """The score above which to say "same" so that most of these pairs are right.

    It lies in the middle between two scores; of several, the lowest.
    """
    order = scores_P.argsort(kind="stable")
    sorted_P = scores_P[order].astype(np.float64)
    same_below_P = np.cumsum(is_same_P[order])
    different_below_P = np.arange(1, len(order) + 1) - same_below_P
    # with the threshold between place i and the next: those below are called different
    right_P = different_below_P[:-1] + (same_below_P[-1] - same_below_P[:-1])
    is_between_P = sorted_P[1:] > sorted_P[:-1]
    if not is_between_P.any():
        return float(sorted_P[0])
    best = int(np.where(is_between_P, right_P, -1).argmax())
    return float((sorted_P[best] + sorted_P[best + 1]) / 2)
