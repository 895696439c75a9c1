"""Its card says that queries are answered together and that ways are not alike."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test", transductive=True, label_equivariant=False)

    def classify(self, support, query):
        centred = query - query.mean(0)
        return -torch.cdist(centred, support.mean(1) - support.mean((0, 1)))

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255
