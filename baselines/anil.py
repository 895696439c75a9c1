"""ANIL: almost no inner loop, the head alone adapts to an episode.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench import Card
from fewshot_bench.learn import AdaptiveBaseline


class Anil(AdaptiveBaseline):
    """Learns features, and first weights of the head that few steps adapt (section 4)."""

    card = Card(
        title="ANIL",
        paper=(
            "Raghu et al.: Rapid Learning or Feature Reuse? "
            "Towards Understanding the Effectiveness of MAML (ICLR)"
        ),
        year=2020,
        label_equivariant=False,
    )

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """Cross-entropy of the queries after the head's steps on the support."""
        head = self.adapted(self.parts["head"], support_NKD, learning=True)
        ways = len(support_NKD)
        scores_QN = head(query_QD)[:, :ways]
        return F.cross_entropy(scores_QN, ways_Q)

    def classify(self, support_NKD: Tensor, query_QD: Tensor) -> Tensor:
        """Scores (Q, N) of the head after its steps on the support."""
        with torch.enable_grad():
            head = self.adapted(self.parts["head"], support_NKD, learning=False)
        ways = len(support_NKD)
        scores_QN: Tensor = head(query_QD)[:, :ways]
        return scores_QN
