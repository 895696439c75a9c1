"""Breaks the check `leaves no trace` (features it is handed)."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        query /= query.norm(dim=1, keepdim=True)
        return query @ support.mean(1).T
