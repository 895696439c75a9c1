"""Prototype: the class whose mean is nearest to the query."""

from __future__ import annotations

from torch import Tensor

from fewshot_bench import Card, Products, Rule


class Prototype(Rule):
    """Nearest class mean by Euclidean distance."""

    card = Card(
        title="Nearest prototype",
        paper="Snell et al.: Prototypical Networks for Few-shot Learning (NeurIPS)",
        year=2017,
    )
    shift_invariant = True

    def score_products(self, products: Products) -> Tensor:
        """-|q - mean|^2 / 2, (N, B, Q)."""
        squares_BQ = products.query_squares_BQ
        mean_squares_NB1 = products.mean_squares_NB[..., None]
        return products.query_NKBQ.mean(1) - (squares_BQ + mean_squares_NB1) / 2
