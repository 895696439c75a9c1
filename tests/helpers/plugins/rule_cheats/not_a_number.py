"""A rule that divides by zero."""

from fewshot_bench import Card, Rule


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def score_products(self, products):
        return products.query_NKBQ.mean(1) / 0
