"""Cheats in a block: the mean of the queries is the origin."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify_block(self, support, query):
        means = support.mean(2)
        of_queries = query - query.mean(1, keepdim=True)
        return -torch.cdist(of_queries, means - means.mean(1, keepdim=True))
