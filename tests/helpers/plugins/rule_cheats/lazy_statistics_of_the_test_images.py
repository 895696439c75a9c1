"""A rule that takes the mean of the images that it transforms first."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        if not hasattr(self, "mean"):
            self.mean = features.mean(0)
        return unit(features - self.mean)

    def score_products(self, products):
        return products.query_NKBQ.mean(1)
