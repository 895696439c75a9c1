"""Cheats with queries that look at each other, from features."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        query = query - query.mean(0)
        return query @ support.mean(1).T
