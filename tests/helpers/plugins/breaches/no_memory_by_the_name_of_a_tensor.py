"""Breaks the check `no memory` (by the name of a tensor)."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    kept = {}

    def classify(self, support, query):
        return -torch.cdist(query, self.kept.setdefault(id(support), support.mean(1)))
