"""Answers two ways at most."""

import torch

from fewshot_bench import Baseline, Card, NotApplicable


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def predict(self, support, query):
        if len(support) > 2:
            raise NotApplicable("it has two slots")
        return torch.eye(2)[torch.zeros(len(query)).long()]
