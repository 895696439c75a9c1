"""Sets torch's generator by the seed of its training."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def fit(self, train, *, context):
        torch.manual_seed(context.seed)

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
