"""The base class of the decision rules in `fewshot_bench/rules/`.

Shapes: M train images, D features, N ways, K shots, Q queries, B episodes of a block, V = N * K + Q
images of an episode.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from fewshot_bench.baseline import Card
from fewshot_bench.settings import Settings

__all__ = ["Products", "Rule", "RuleSettings", "Together", "unit"]


MOST_POWER = 4  # of features: more of it overflows
# what answers blocks of episodes at once
BlockMethod = Literal["score_products", "score_together", "score_block"]


@dataclass(frozen=True, kw_only=True)
class RuleSettings(Settings):
    """What every rule has.

    power: features x become sign(x) |x|^power first; 0.5 is the square root of PT-MAP (2020).
    reference_views: each reference stands in the support as so many of its dihedral views, each
    embedded by itself: 1 is the image alone, 8 are its rotations and mirror images. Queries keep
    their one vector.
    """

    power: float = 1.0
    reference_views: Literal[1, 8] = 1

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need(0 < self.power <= MOST_POWER, "power", f"more than 0, at most {MOST_POWER}")


class Products:
    """Inner products of transformed features, in a block of episodes.

    query_NKBQ: of each reference with each query. The references of a class come in any order.
    unfinished: a rule that iterates adds the number of episodes in which it did not converge.
    """

    def __init__(
        self,
        query_NKBQ: Tensor,
        support: Callable[[], Tensor],
        query_squares: Callable[[], Tensor],
    ) -> None:
        self.query_NKBQ = query_NKBQ
        self.unfinished = 0
        self._support = support
        self._query_squares = query_squares

    @functools.cached_property
    def query_squares_BQ(self) -> Tensor:
        """The squared length of each query."""
        return self._query_squares()

    @functools.cached_property
    def support_BNKNK(self) -> Tensor:
        """Of each reference with each reference. They are gathered when they are first needed."""
        return self._support()

    @property
    def mean_squares_NB(self) -> Tensor:
        """The squared length of the mean of the references of each class."""
        of_class_BKKN = self.support_BNKNK.diagonal(dim1=1, dim2=3)
        means_BN: Tensor = of_class_BKKN.mean((1, 2))
        return means_BN.T

    def centred(self) -> tuple[Tensor, Tensor]:
        """(support_BSS, query_BQS) of features less the mean of the references of an episode.

        S = N * K references, class by class.
        """
        support_BSS = self.support_BNKNK.flatten(3, 4).flatten(1, 2)
        query_BQS = self.query_NKBQ.flatten(0, 1).permute(1, 2, 0)
        mean_B1S = support_BSS.mean(1, keepdim=True)
        mean_B11 = mean_B1S.mean(2, keepdim=True)
        support_BSS = support_BSS - mean_B1S - mean_B1S.mT + mean_B11
        query_BQS = query_BQS - query_BQS.mean(2, keepdim=True) - mean_B1S + mean_B11
        return support_BSS, query_BQS


@dataclass
class Together:
    """Inner products of all images of an episode with each other, in a block of episodes.

    products_BVV: of transformed features; the references come first, class by class, then the
    queries. is_query_BQ: false at padding, whose products are zero and whose scores mean nothing.
    unfinished: as in `Products`.
    """

    products_BVV: Tensor
    is_query_BQ: Tensor
    ways: int
    unfinished: int = 0

    @property
    def references(self) -> int:
        """How many references an episode has."""
        return self.products_BVV.shape[1] - self.is_query_BQ.shape[1]

    @property
    def shots(self) -> int:
        """How many references a class has."""
        return self.references // self.ways

    @property
    def queries_B(self) -> Tensor:
        """How many queries each episode has."""
        queries_B: Tensor = self.is_query_BQ.sum(1)
        return queries_B

    @property
    def query_BQQ(self) -> Tensor:
        """Of every two queries."""
        return self.products_BVV[:, self.references :, self.references :]

    @property
    def mean_BNQ(self) -> Tensor:
        """Of the mean of the references of each class with each query."""
        of_queries_BSQ = self.products_BVV[:, : self.references, self.references :]
        means_BNQ: Tensor = of_queries_BSQ.unflatten(1, (self.ways, self.shots)).mean(2)
        return means_BNQ


class Rule:
    """A decision rule: from the features of a support to scores of the classes.

    A file in `fewshot_bench/rules/` defines one public subclass; its stem is the rule's name.
    One object serves all episodes of a training: `fit` once, `transform` each image once, then the
    scores of each episode by the first of these that the rule implements:

    - `score_products`: from inner products of the transformed features of references and queries.
      Blocks of episodes are answered at once, which is fast.
    - `score_together`: from inner products of all images of an episode, also in blocks. For a rule
      whose answer to a query may depend on the other queries.
    - `score_block`: from the transformed features of a block of episodes.
    - `scores`: from the transformed features of one episode.

    A rule never gets a label of a query. What `transform` makes of an image must not depend on
    other images that come with it, nor the scores of a query on other queries, unless the card says
    `transductive=True`. Scores must not change the rule.
    Tensors are float32 on the processor. Each method may raise `NotApplicable`.
    """

    card: ClassVar[Card]
    settings_type: ClassVar[type[RuleSettings]] = RuleSettings
    # the scores stay the same if one vector is subtracted from all features: it is done, as inner
    # products are more precise near the origin. Scores of different queries are compared in an open
    # set, so they must not even change by a number for each query
    shift_invariant: ClassVar[bool] = False
    # a module that may be missing, and the extra of fewshot-bench that installs it
    needs: ClassVar[tuple[str, str] | None] = None
    # variants are named NAME:VARIANT; a rule with variants cannot be named alone
    variants: ClassVar[Mapping[str, type[Rule]]] = {}

    def __init__(self, settings: RuleSettings | None = None) -> None:
        if settings is None:
            settings = self.settings_type()
        self.settings = settings

    def fit(self, train_MD: Tensor, labels_M: Tensor) -> None:
        """Learn from features of the train classes. By default, learn nothing.

        The features are embedded only for rules that override this.
        """

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features (B, D') that scores are made of. By default, the features themselves."""
        return features_BD

    def score_products(self, products: Products) -> Tensor:
        """Scores (N, B, Q) from inner products of transformed features."""
        raise NotImplementedError

    def score_together(self, together: Together) -> Tensor:
        """Scores (N, B, Q) from inner products of all images of each episode."""
        raise NotImplementedError

    def score_block(self, images_BVD: Tensor, is_query_BQ: Tensor, ways: int) -> Tensor:
        """Scores (N, B, Q) from transformed features.

        The references come first, class by class, then the queries. `is_query_BQ` is false at
        padding, which has zeros for features; what is scored for it means nothing.
        """
        raise NotImplementedError

    def scores(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) from transformed features. By default, those of a block of one episode."""
        if self.shift_invariant:
            centre = support_NKD.mean((0, 1))
            support_NKD = support_NKD - centre
            query_QD = query_QD - centre
        return self.scores_in_block(support_NKD, query_QD)

    # What the engine calls.

    def scores_in_block(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) of one episode by the method that answers blocks."""
        match self.block_method():
            case "score_products":
                return self._scores_by_products(support_NKD, query_QD)
            case "score_together":
                scores_NBQ = self.score_together(_together(support_NKD, query_QD))
            case _:
                images_VD = torch.cat([support_NKD.flatten(0, 1), query_QD])
                is_query_BQ = torch.ones(1, len(query_QD), dtype=torch.bool)
                scores_NBQ = self.score_block(images_VD[None], is_query_BQ, len(support_NKD))
        scores_QN: Tensor = scores_NBQ[:, 0].T
        return scores_QN

    def _scores_by_products(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        references_SD = support_NKD.flatten(0, 1)
        query_SQ = references_SD @ query_QD.T
        ways_and_shots = support_NKD.shape[:2]

        def support() -> Tensor:
            products_SS = references_SD @ references_SD.T
            by_column = products_SS.unflatten(1, ways_and_shots)
            by_way: Tensor = by_column.unflatten(0, ways_and_shots)
            return by_way[None]

        def query_squares() -> Tensor:
            squares_Q: Tensor = query_QD.square().sum(1)
            return squares_Q[None]

        query_NKBQ = query_SQ.unflatten(0, ways_and_shots).unsqueeze(2)
        scores_NBQ = self.score_products(Products(query_NKBQ, support, query_squares))
        scores_QN: Tensor = scores_NBQ[:, 0].T
        return scores_QN

    @classmethod
    def learns(cls) -> bool:
        """Whether it learns from features of the train classes."""
        return cls.fit is not Rule.fit

    @classmethod
    def block_method(cls) -> BlockMethod | None:
        """The name of the method that answers blocks of episodes; None if it has only `scores`."""
        if cls.score_products is not Rule.score_products:
            return "score_products"
        if cls.score_together is not Rule.score_together:
            return "score_together"
        if cls.score_block is not Rule.score_block:
            return "score_block"
        return None

    @classmethod
    def is_fast(cls) -> bool:
        """Whether blocks of episodes are answered at once.

        `score_products` does not say which queries are padding, which a transductive rule must
        know.
        """
        method = cls.block_method()
        if method == "score_products":
            return not cls.card.transductive
        return method is not None

    def prepare(self, features_BD: Tensor) -> Tensor:
        """The power of the features, transformed: (B, D')."""
        return self.transform(self.powered(features_BD))

    def powered(self, features_BD: Tensor) -> Tensor:
        """The features (B, D) to the power of the settings; each keeps its sign."""
        power = self.settings.power
        if power == 1:
            return features_BD
        powered: Tensor = features_BD.sign() * features_BD.abs().pow(power)
        return powered

    def answer(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) of one episode from features as they were embedded."""
        references = self.prepare(support_NKD.flatten(0, 1))
        support = references.unflatten(0, support_NKD.shape[:2])
        return self.scores(support, self.prepare(query_QD))


def _together(support_NKD: Tensor, query_QD: Tensor) -> Together:
    """Products of one episode, as a block of one."""
    images_VD = torch.cat([support_NKD.flatten(0, 1), query_QD])
    products_VV = images_VD @ images_VD.T
    is_query_Q = torch.ones(len(query_QD), dtype=torch.bool)
    return Together(products_VV[None], is_query_Q[None], len(support_NKD))


def unit(features_BD: Tensor) -> Tensor:
    """Features (B, D) of unit length; a zero vector stays zero."""
    smallest = torch.finfo(features_BD.dtype).tiny
    lengths_B1 = features_BD.norm(dim=-1, keepdim=True)
    directions_BD: Tensor = features_BD / lengths_B1.clamp_min(smallest)
    return directions_BD
