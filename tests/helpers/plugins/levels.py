"""Histograms of grey levels."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        x = images.float().flatten(1)
        return torch.stack([torch.histc(row, 16, 0, 255) for row in x])
