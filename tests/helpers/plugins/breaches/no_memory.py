"""Breaks the check `no memory`."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    seen = 0.0

    def classify(self, support, query):
        self.seen = self.seen + 9.0
        return -torch.cdist(query, support.mean(1)) * self.seen
