"""Gives every image nearly the same features."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        brightness = images.float().mean((1, 2, 3))[:, None] / 255
        return torch.ones(len(images), 8) + 1e-7 * brightness
