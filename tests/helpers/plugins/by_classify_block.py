"""As `by_classify`, a block of episodes at once."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def embed(self, images):
        return images.float().flatten(1)[:, ::7] / 255

    def classify_block(self, support, query):
        unit = torch.nn.functional.normalize
        products = torch.einsum("bnkd,bqd->bqn", unit(support, dim=3), unit(query, dim=2))
        return products / support.shape[2]
