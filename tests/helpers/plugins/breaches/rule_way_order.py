"""A rule that prefers the first way."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        return unit(features - features.mean(1, keepdim=True))

    def score_products(self, products):
        scores = products.query_NKBQ.mean(1)
        scores[0] += 0.1
        return scores
