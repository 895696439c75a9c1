"""Says that it learns from nothing, and weighs pixels by its seed."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"
    learns_from = "nothing"

    def fit(self, train, *, context):
        generator = torch.Generator().manual_seed(context.seed)
        self.weights = 0.5 + torch.rand(train.images.shape[2:], generator=generator)

    def state(self):
        return {"weights": self.weights}

    def load(self, state, *, context):
        self.weights = state["weights"]

    def embed(self, images):
        pixels = images.flatten(1).float()
        return (pixels - pixels.mean(1, keepdim=True)) * self.weights.flatten()
