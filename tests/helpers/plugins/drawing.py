"""Draws random numbers when it answers."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        weight = support.mean(1) + 0.3 * torch.randn(support.shape[0], support.shape[2])
        return -torch.cdist(query, weight)
