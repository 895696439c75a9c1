"""A head over too few classes."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def logits(self, images):
        return images.new_zeros((len(images), 4), dtype=torch.float)
