"""MAML: the whole network adapts to an episode from an initialisation learned for that.

Shapes: N ways, K shots, Q queries, C channels, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench.baseline import Card
from fewshot_bench.learn.adaptive import AdaptiveBaseline, AdaptiveSettings, normalise_by_support

TOGETHER = 128  # queries that pass the network at once


@dataclass(frozen=True, kw_only=True)
class MamlSettings(AdaptiveSettings):
    """Those of training to adapt; the encoder cannot be frozen."""

    step_size: float = 0.01

    def check(self) -> None:
        """Raise `UserError` where a value is out of bounds."""
        super().check()
        self.need(not self.freeze, "freeze", "false; maml adapts the encoder")


class Maml(AdaptiveBaseline):
    """Steps of gradient descent on the support change encoder and head; training asks the queries after them (Eq. 1).

    What differs from the authors' code: batch normalisation takes the moments of the support alone, where theirs takes
    those of all queries together, which would make it transductive; one episode a step of training, where theirs has
    four. Queries pass an encoder of their own in each episode, so that it answers fewer episodes than others.
    """

    card = Card(
        title="MAML",
        paper="Finn et al.: Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks (ICML)",
        year=2017,
        label_equivariant=False,
    )
    settings_type = MamlSettings
    settings: MamlSettings
    max_episodes = 256

    def build(self, classes: int, device: torch.device, *, fetch: bool = True) -> None:
        """Make the encoder and the head."""
        super().build(classes, device, fetch=fetch)
        self.rows = normalise_by_support(self.network)

    def passed(self, batch: Tensor) -> int:
        """The support passes in each step and again before the queries."""
        s = self.settings
        support = len(batch) * s.train_shots // (s.train_shots + s.train_queries)
        return len(batch) + s.steps * support

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy of the queries after the steps on the support."""
        del labels_B
        support, query, ways_Q = self.episode(self.view(images_BCHW, generator))
        with self.precisely(support.device):
            learner = self.learner(support, learning=True)
            return F.cross_entropy(self.scores(learner, support, query), ways_Q)

    def learner(self, support_NKCHW: Tensor, *, learning: bool) -> nn.Module:
        """Encoder and head after their steps on the support."""
        self.rows[0] = support_NKCHW.shape[0] * support_NKCHW.shape[1]
        module = nn.Sequential(self.parts["encoder"], self.parts["head"])
        adapted: nn.Module = self.adapted(module, support_NKCHW, learning=learning)
        return adapted

    def scores(self, learner: nn.Module, support_NKCHW: Tensor, query_QCHW: Tensor) -> Tensor:
        """Scores (Q, N): the support passes before the queries, to normalise them."""
        rows = torch.cat([support_NKCHW.flatten(0, 1), query_QCHW])
        scores: Tensor = learner(rows)[self.rows[0] :, : len(support_NKCHW)]
        return scores.float()

    def predict(self, support_NKCHW: Tensor, query_QCHW: Tensor) -> Tensor:
        """Scores (Q, N) after the steps on the support."""
        shots = _in_order(support_NKCHW)
        support = self.plain(shots.flatten(0, 1)).unflatten(0, shots.shape[:2])
        with torch.enable_grad():
            learner = self.learner(support, learning=False)
        return torch.cat(
            [self.scores(learner, support, self.plain(part)) for part in query_QCHW.split(TOGETHER)]
        )


def _in_order(support_NKCHW: Tensor) -> Tensor:
    """The support of each way in an order that its pixels decide: steps through batch normalisation blow up rounding, and
    in another order the same images would be answered otherwise.
    """
    pixels_NKP = support_NKCHW.flatten(2).double()
    places_P = torch.linspace(
        1, 2, pixels_NKP.shape[2], dtype=torch.float64, device=pixels_NKP.device
    )
    order_NK = (pixels_NKP * places_P).sum(2).argsort(1)
    return torch.stack([way[order] for way, order in zip(support_NKCHW, order_NK, strict=True)])
