"""As `by_rule`, by scores of pairs."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def pair(self, a, b):
        unit = torch.nn.functional.normalize
        return unit(a, dim=1) @ unit(b, dim=1).T
