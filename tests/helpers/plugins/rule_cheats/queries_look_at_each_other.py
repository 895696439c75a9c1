"""A rule that shifts its scores so that the classes get equal shares of the queries."""

from fewshot_bench import Card, Rule


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def score_products(self, products):
        scores = products.query_NKBQ.mean(1)
        return scores - scores.mean(2, keepdim=True)
