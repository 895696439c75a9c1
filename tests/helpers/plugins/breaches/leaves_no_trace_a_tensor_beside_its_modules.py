"""Breaks the check `leaves no trace` (a tensor beside its modules)."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def classify(self, support, query):
        unit = torch.nn.functional.normalize
        return (
            torch.einsum("nkd,qd->qn", unit(support, dim=2), unit(query, dim=1)) / support.shape[1]
        )

    mean = None

    def embed(self, images):
        features = images.float().flatten(1)[:, ::7] / 255
        self.mean = (
            features.mean(0) if self.mean is None else 0.9 * self.mean + 0.1 * features.mean(0)
        )
        return features - self.mean
