"""Cheats with images changed in place."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        images //= 2
        return images.float().flatten(1)[:, ::7]
