"""The base class of the decision rules in `fewshot_bench/rules/`.

Shapes: M train images, D features, N ways, K shots, Q queries, B episodes of a block.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fewshot_bench.baseline import Card
from fewshot_bench.settings import Settings

__all__ = ["Products", "Rule", "RuleSettings", "unit"]


MOST_POWER = 4  # of features: more of it overflows


@dataclass(frozen=True, kw_only=True)
class RuleSettings(Settings):
    """power: features x become sign(x) |x|^power first; 0.5 is the square root of PT-MAP (2020)."""

    power: float = 1.0

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        self.need(0 < self.power <= MOST_POWER, "power", f"more than 0, at most {MOST_POWER}")


class Products:
    """Inner products of transformed features, in a block of episodes.

    query_NKBQ: of each reference with each query. The references of a class come in any order.
    """

    def __init__(
        self,
        query_NKBQ: Tensor,
        support: Callable[[], Tensor],
        query_squares: Callable[[], Tensor],
    ) -> None:
        self.query_NKBQ = query_NKBQ
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


class Rule:
    """A decision rule: from the features of a support to scores of the classes.

    A file in `fewshot_bench/rules/` defines one public subclass; its stem is the rule's name.
    One object serves all episodes of a training: `fit` once, `transform` each image once, then the
    scores of each episode by the first of these that the rule implements:

    - `score_products`: from inner products of the transformed features. Blocks of episodes are
      answered at once, which is fast.
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

    def scores(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) from transformed features. By default, those of `score_products`."""
        if self.shift_invariant:
            centre = support_NKD.mean((0, 1))
            support_NKD = support_NKD - centre
            query_QD = query_QD - centre
        return self.scores_by_products(support_NKD, query_QD)

    # What the engine calls.

    def scores_by_products(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) by `score_products`, of one episode: a block of one."""
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
    def reads_products(cls) -> bool:
        """Whether it answers from inner products."""
        return cls.score_products is not Rule.score_products

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


def unit(features_BD: Tensor) -> Tensor:
    """Features (B, D) of unit length; a zero vector stays zero."""
    smallest = torch.finfo(features_BD.dtype).tiny
    lengths_B1 = features_BD.norm(dim=-1, keepdim=True)
    directions_BD: Tensor = features_BD / lengths_B1.clamp_min(smallest)
    return directions_BD
