"""Cheats with batch statistics of the test images."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        x = images.float().flatten(1)[:, ::7]
        return x - x.mean(0)
