"""Its scores of one-shot episodes are not numbers."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify(self, support, query):
        scores = -torch.cdist(query, support.mean(1))
        factor = 0.0 if support.shape[1] == 1 else 1.0
        return scores / factor * factor
