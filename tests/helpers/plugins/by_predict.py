"""As `by_rule`, by scores from images."""

import torch

from fewshot_bench import Baseline, Card


class Mine(Baseline):
    card = Card(title="Mine", paper="a test")

    def predict(self, support, query):
        unit = torch.nn.functional.normalize
        s = unit(support.float().flatten(2)[..., ::7] / 255, dim=2)
        return (
            torch.einsum("nkd,qd->qn", s, unit(query.float().flatten(1)[:, ::7] / 255, dim=1))
            / s.shape[1]
        )
