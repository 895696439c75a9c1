"""A rule whose fast way is another rule than its slow one."""

from fewshot_bench import Card, Rule


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def scores(self, support, query):
        return -query @ support.mean(1).T

    def score_products(self, products):
        return products.query_NKBQ.mean(1)
