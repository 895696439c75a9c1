"""Cheats with a batch norm left in training mode."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def __init__(self, settings=None):
        super().__init__(settings)
        self.norm = torch.nn.BatchNorm1d(1024, affine=False)

    def embed(self, images):
        return self.norm(images.float().flatten(1)).detach()
