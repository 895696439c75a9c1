"""Says that it learns from nothing, and adds noise to the published weights."""

import torch
from fewshot_bench.plugins.baselines.frozen import Frozen

from fewshot_bench import Card


class Noisy(Frozen):
    card = Card(title="Noisy", paper="a test")
    learns_from = "nothing"

    def fit(self, train, *, context):
        super().fit(train, context=context)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for weight in self.parts.parameters():
                weight += 0.02 * torch.randn(weight.shape, generator=generator)
