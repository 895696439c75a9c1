"""Sets torch's generator when it embeds."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        torch.manual_seed(0)
        return images.float().flatten(1)[:, ::7] / 255
