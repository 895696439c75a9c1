"""ANIL: almost no inner loop, the head alone adapts to an episode.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.baseline import Card
from fewshot_bench.learn.adaptive import AdaptiveBaseline


class Anil(AdaptiveBaseline):
    """Features and the head's initialisation are learned so that few steps of the head suffice (section 4)."""

    card = Card(
        title="ANIL",
        paper="Raghu et al.: Rapid Learning or Feature Reuse? Towards Understanding the Effectiveness of MAML (ICLR)",
        year=2020,
        label_equivariant=False,
    )

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """Cross-entropy of the queries after the head's steps on the support."""
        head = self.adapted(self.parts["head"], support_NKD, learning=True)
        return F.cross_entropy(head(query_QD)[:, : len(support_NKD)], ways_Q)

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) of the head after its steps on the support."""
        with torch.enable_grad():
            head = self.adapted(self.parts["head"], support_NKD, learning=False)
        scores: Tensor = head(query_QD)[:, : len(support_NKD)]
        return scores
