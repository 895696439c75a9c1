"""MAML: the whole network adapts to an episode from an initialisation learned for that.

Shapes: N ways, K shots, Q queries, C channels, H x W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fewshot_bench import Card
from fewshot_bench.learn import AdaptiveBaseline, AdaptiveSettings, normalise_by_support

QUERIES_AT_ONCE = 128  # queries that pass the network together


@dataclass(frozen=True, kw_only=True)
class MamlSettings(AdaptiveSettings):
    """The settings of training to adapt; the encoder cannot be frozen."""

    step_size: float = 0.01

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need(not self.freeze, "freeze", "false; maml adapts the encoder")


class Maml(AdaptiveBaseline):
    """Gradient steps on the support change encoder and head.

    The training loss is that of the queries after these steps (Eq. 1).

    Differences from the authors' code: batch normalisation takes the moments of the support only,
    theirs takes those of all queries together, which would make it transductive; a training step
    takes one episode, theirs takes four. Each episode sends its queries through an encoder of its
    own, which is slow: it answers fewer episodes than others.
    """

    card = Card(
        title="MAML",
        paper=(
            "Finn et al.: Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks (ICML)"
        ),
        year=2017,
        label_equivariant=False,
    )
    settings_type = MamlSettings
    settings: MamlSettings
    max_episodes = 256

    def build(self, classes: int, device: torch.device, *, fetch: bool = True) -> None:
        """Make the encoder and the head; the encoder normalises by the support."""
        super().build(classes, device, fetch=fetch)
        self.support_rows = normalise_by_support(self.network)

    def passed(self, batch: Tensor) -> int:
        """The whole batch once, and the support once more in each step."""
        settings = self.settings
        per_class = settings.train_shots + settings.train_queries
        support = len(batch) * settings.train_shots // per_class
        return len(batch) + settings.steps * support

    def loss(self, images_BCHW: Tensor, labels_B: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy of the queries after the steps on the support."""
        del labels_B
        views = self.view(images_BCHW, generator)
        support, query, ways_Q = self.episode(views)
        with self.precisely(support.device):
            learner = self.learner(support, learning=True)
            scores = self.scores(learner, support, query)
            return F.cross_entropy(scores, ways_Q)

    def learner(self, support_NKCHW: Tensor, *, learning: bool) -> nn.Module:
        """Encoder and head after their steps on the support.

        learning: a gradient through the steps will be needed.
        """
        ways, shots = support_NKCHW.shape[:2]
        self.support_rows.count = ways * shots
        network = nn.Sequential(self.parts["encoder"], self.parts["head"])
        adapted: nn.Module = self.adapted(network, support_NKCHW, learning=learning)
        return adapted

    def scores(self, learner: nn.Module, support_NKCHW: Tensor, query_QCHW: Tensor) -> Tensor:
        """Scores (Q, N). The support passes with the queries, as its moments normalise them."""
        support = support_NKCHW.flatten(0, 1)
        ways = len(support_NKCHW)
        batch = torch.cat([support, query_QCHW])
        scores: Tensor = learner(batch)[len(support) :, :ways]
        return scores.float()

    def predict(self, support_NKCHW: Tensor, query_QCHW: Tensor) -> Tensor:
        """Scores (Q, N) after the steps on the support."""
        ordered = _in_order(support_NKCHW)
        support = self.plain(ordered.flatten(0, 1)).unflatten(0, ordered.shape[:2])
        with torch.enable_grad():
            learner = self.learner(support, learning=False)
        scores = []
        for queries in query_QCHW.split(QUERIES_AT_ONCE):
            scores.append(self.scores(learner, support, self.plain(queries)))
        return torch.cat(scores)


def _in_order(support_NKCHW: Tensor) -> Tensor:
    """The support of each way in an order that depends on its pixels only.

    Steps through batch normalisation amplify rounding: in another order the same images would get
    another answer.
    """
    pixels_NKP = support_NKCHW.flatten(2).double()
    count = pixels_NKP.shape[2]
    weights_P = torch.linspace(1, 2, count, dtype=torch.float64, device=pixels_NKP.device)
    order_NK = (pixels_NKP * weights_P).sum(2).argsort(1)
    ordered = []
    for images, order in zip(support_NKCHW, order_NK, strict=True):
        ordered.append(images[order])
    return torch.stack(ordered)
