"""Prototypical networks: episodic training, the nearest class mean is the answer.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench import Card
from fewshot_bench.learn import EpisodicBaseline


class ProtoNet(EpisodicBaseline):
    """Learns features that are near the mean of their class, by squared Euclidean distance."""

    card = Card(
        standard=True,
        title="ProtoNet",
        paper="Snell et al.: Prototypical Networks for Few-shot Learning (NeurIPS)",
        year=2017,
    )
    rule = "prototype"

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """Cross-entropy over minus squared distances between queries and prototypes."""
        prototypes_ND = support_NKD.mean(1)
        distances_QN = torch.cdist(query_QD, prototypes_ND)
        scores_QN = -distances_QN.square()
        return F.cross_entropy(scores_QN, ways_Q)
