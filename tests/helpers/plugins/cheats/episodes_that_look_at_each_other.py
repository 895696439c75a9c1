"""Cheats in a block: the supports of other episodes move the origin."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify_block(self, support, query):
        centre = support.mean((0, 1, 2))
        return -torch.cdist(query - centre, (support - centre).relu().mean(2))
