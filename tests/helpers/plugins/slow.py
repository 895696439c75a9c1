"""Answers 20 episodes at most."""

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"
    max_episodes = 20

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
