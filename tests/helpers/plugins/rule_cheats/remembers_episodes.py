"""A rule that learns from the references of earlier episodes."""

import torch

from fewshot_bench import Card, Rule


class Mine(Rule):
    card = Card(title="Mine", paper="a test")

    def fit(self, features, labels):
        self.seen = torch.zeros(features.shape[1])

    def scores(self, support, query):
        self.seen += support.mean((0, 1))
        return query @ (support.mean(1) - self.seen).T
