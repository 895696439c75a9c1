"""Breaks the check `shapes and ranges` (no answer)."""

from fewshot_bench import Baseline, Card, NotApplicable


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        raise NotApplicable("never")
