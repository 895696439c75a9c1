"""Unit mean: the cosine of the query to the mean direction of each class."""

from __future__ import annotations

import torch
from torch import Tensor

from fewshot_bench import Card, Products, Rule, unit


class UnitMean(Rule):
    """As mean cosine, but the mean of the references is brought to unit length."""

    card = Card(title="Unit mean", paper="cosine to the mean direction of the references")

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_products(self, products: Products) -> Tensor:
        """Cosines (N, B, Q) of the queries to the means."""
        smallest = torch.finfo(torch.float32).eps
        lengths_NB = products.mean_squares_NB.clamp_min(smallest).sqrt()
        return products.query_NKBQ.mean(1) / lengths_NB[..., None]
