"""Nearest: the class of the one reference that is most similar to the query."""

from __future__ import annotations

from torch import Tensor

from fewshot_bench import Card, Products, Rule, unit


class Nearest(Rule):
    """1-nearest neighbour by cosine."""

    card = Card(
        title="1-nearest neighbour",
        paper="Cover and Hart: Nearest Neighbor Pattern Classification",
        year=1967,
    )

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_products(self, products: Products) -> Tensor:
        """The highest cosine (N, B, Q) of a class's references."""
        return products.query_NKBQ.amax(1)
