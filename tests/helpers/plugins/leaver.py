"""Leaves the process when it is trained."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        raise SystemExit(3)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
