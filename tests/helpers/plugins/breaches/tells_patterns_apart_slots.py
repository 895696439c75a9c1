"""Breaks the check `tells patterns apart` (slots)."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Slots", paper="a test", label_equivariant=False)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        scores = -torch.cdist(query, support.mean(1))
        scores[:, 5:] = scores.min() - 1
        return scores
