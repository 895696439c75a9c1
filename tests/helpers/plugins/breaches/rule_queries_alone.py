"""A rule that shares the queries out among the classes."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        return unit(features - features.mean(1, keepdim=True))

    def score_products(self, products):
        scores = products.query_NKBQ.mean(1)
        return scores - scores.mean(2, keepdim=True)
