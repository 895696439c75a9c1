"""A rule that centres by the images that it happens to transform together."""

from fewshot_bench import Card, Rule


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def transform(self, features):
        return features - features.mean(0)

    def score_products(self, products):
        return products.query_NKBQ.mean(1)
