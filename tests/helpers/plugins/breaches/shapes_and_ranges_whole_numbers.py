"""Breaks the check `shapes and ranges` (whole numbers)."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def classify(self, support, query):
        unit = torch.nn.functional.normalize
        return (
            torch.einsum("nkd,qd->qn", unit(support, dim=2), unit(query, dim=1)) / support.shape[1]
        )

    def embed(self, images):
        return images.flatten(1).int()
