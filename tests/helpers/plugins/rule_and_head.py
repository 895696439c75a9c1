"""A rule for episodes and a head over six classes."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def logits(self, images):
        brightest = images.amax((1, 2, 3)).long()
        return torch.nn.functional.one_hot(brightest % 6, 6).float()
