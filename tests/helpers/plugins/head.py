"""A head over six classes, and no rule for episodes."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def logits(self, images):
        brightest = images.amax((1, 2, 3)).long()
        return torch.nn.functional.one_hot(brightest % 6, 6).float()
