"""Cheats with buffers updated while answering."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")
    rule = "mean_cosine"
    seen = torch.zeros(1)

    def state(self):
        return {"seen": self.seen}

    def embed(self, images):
        self.seen += len(images)
        return images.float().flatten(1)[:, ::7]
