"""An encoder that looks at what is dark."""

import torch

from fewshot_bench import Baseline, Card


class Blind(Baseline):
    card = Card(title="Blind", paper="a test")

    def __init__(self, settings=None):
        super().__init__(settings)
        self.eye = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Conv2d(1, 1, 1)).eval()
        torch.nn.init.constant_(self.eye[1].weight, -1.0)
        torch.nn.init.constant_(self.eye[1].bias, 0.2)

    @property
    def network(self):
        return self.eye

    def embed(self, images):
        return self.eye(images.float() / 255).relu().mean((2, 3))

    def classify(self, support, query):
        return query.expand(-1, len(support)) * torch.arange(1, len(support) + 1)
