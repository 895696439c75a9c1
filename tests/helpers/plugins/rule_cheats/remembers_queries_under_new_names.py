"""A rule that keeps the queries of earlier episodes where nothing that was there changes."""

from fewshot_bench import Card, Rule, unit


class Mine(Rule):
    card = Card(title="Mine", paper="a test")
    seen = ()

    def transform(self, features):
        return unit(features)

    def scores(self, support, query):
        means = support.mean(1)
        for earlier in self.seen:
            means = means - earlier / 10
        self.seen = (*self.seen, query.mean(0))
        return query @ means.T - (means * means).sum(1) / 2
