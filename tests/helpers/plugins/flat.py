"""A head that gives every image the same scores."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        return images.float().flatten(1)

    def logits(self, images):
        return torch.ones(len(images), 6)
