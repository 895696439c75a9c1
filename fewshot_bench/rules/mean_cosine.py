"""Mean cosine: the class whose references are most similar to the query on average."""

from __future__ import annotations

from torch import Tensor

from fewshot_bench import Card, Products, Rule, unit


class MeanCosine(Rule):
    """The mean over a class's references of their cosine to the query, the rule of the paper.

    A class whose references resemble each other has a longer mean, and so takes queries of others.
    """

    card = Card(
        title="Mean cosine",
        paper="Phuong et al.: Improving Image Representation for Surface Defect Recognition",
        year=2024,
    )

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_products(self, products: Products) -> Tensor:
        """Mean cosines (N, B, Q)."""
        return products.query_NKBQ.mean(1)
