"""A score that is another one where query and support change places."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def pair(self, a, b):
        return -(a[:, None] - b).clamp(min=0).sum(2)
