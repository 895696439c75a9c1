"""Cheats with pairs that look at each other."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def pair(self, a, b):
        a = a - a.mean(0)
        return a @ b.T
