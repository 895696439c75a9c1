"""Breaks the check `leaves no trace`."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def classify(self, support, query):
        return -torch.cdist(query, support.mean(1))

    def embed(self, images):
        images //= 2
        return images.float().flatten(1)[:, ::7] / 255
