"""A rule that takes the class that resembles the query least."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        return unit(features - features.mean(1, keepdim=True))

    def score_products(self, products):
        return -products.query_NKBQ.mean(1)
