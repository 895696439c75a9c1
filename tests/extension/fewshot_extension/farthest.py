"""A decision rule in a distribution of its own."""

from fewshot_bench import Card, Rule, unit


class Farthest(Rule):
    """The class whose least similar reference is the most similar."""

    card = Card(title="Farthest reference", paper="an example")

    def transform(self, features):
        """Features of unit length."""
        return unit(features)

    def score_products(self, products):
        """The lowest cosine of a class's references."""
        return products.query_NKBQ.amin(1)
