"""Prototypical networks: episodic training, the nearest class mean decides."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.baseline import Card
from fewshot_bench.learn.episodic import EpisodicBaseline


class ProtoNet(EpisodicBaseline):
    """Learns features in which the squared Euclidean distance to the mean of its support tells a class."""

    card = Card(
        standard=True,
        title="ProtoNet",
        paper="Snell et al.: Prototypical Networks for Few-shot Learning (NeurIPS)",
        year=2017,
    )
    rule = "prototype"

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """Cross-entropy over minus squared distances between queries and prototypes."""
        return F.cross_entropy(-torch.cdist(query_QD, support_NKD.mean(1)).square(), ways_Q)
