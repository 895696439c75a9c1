"""Cheats with a count of the images seen so far."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"
    count = 0

    def embed(self, images):
        at = torch.arange(self.count, self.count + len(images))
        Mine.count += len(images)
        return torch.nn.functional.one_hot(at // 24, 999).float()
