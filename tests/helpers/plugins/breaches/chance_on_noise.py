"""Breaks the check `chance on noise`."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        n = len(support)
        return torch.eye(n)[torch.arange(len(query)) * n // len(query)]
