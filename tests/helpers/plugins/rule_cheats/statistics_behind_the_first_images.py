"""A rule that centres all images but the first 64 of those that it transforms together."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        centred = features.clone()
        centred[64:] -= features.mean(0)
        return unit(centred)

    def score_products(self, products):
        return products.query_NKBQ.mean(1)
