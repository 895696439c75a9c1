"""Looks at all queries of an episode, and its card says so."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test", transductive=True)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        query = query - query.mean(0)
        return query @ support.mean(1).T
