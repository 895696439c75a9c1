"""Breaks the check `no memory` (of the first episode)."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    centre = None

    def classify(self, support, query):
        self.centre = support.mean((0, 1)) if self.centre is None else self.centre
        unit = torch.nn.functional.normalize
        return unit(query - self.centre, dim=1) @ unit(support.mean(1) - self.centre, dim=1).T
