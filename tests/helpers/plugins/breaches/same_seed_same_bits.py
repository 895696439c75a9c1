"""Breaks the check `same seed, same bits`."""

import os

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def fit(self, train, *, context):
        self.scale = 1.0 + os.urandom(1)[0] + os.urandom(1)[0]

    def classify(self, support, query):
        return -torch.cdist(query, support.mean(1)) * self.scale
