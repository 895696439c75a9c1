"""Matching networks: a query attends to each support image, the class with most attention wins.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from fewshot_bench import Card
from fewshot_bench.learn import EpisodicBaseline, cosines


class Matching(EpisodicBaseline):
    """Attention is the softmax of cosine similarities over the support (section 2.1.1).

    Without the paper's full context embeddings: one encoder for support and queries sees each image
    alone.
    """

    card = Card(
        title="Matching networks",
        paper="Vinyals et al.: Matching Networks for One Shot Learning (NeurIPS)",
        year=2016,
    )

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """-log of the attention to the support of the true class, the mean over queries."""
        support = support_NKD.flatten(0, 1)
        similarities_QNK = cosines(query_QD, support).unflatten(1, support_NKD.shape[:2])
        # cross-entropy divides by the sum over all classes, which makes this a log of attention
        scores_QN = similarities_QNK.logsumexp(2)
        return F.cross_entropy(scores_QN, ways_Q)

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """exp(cosine), (A, B): the attention before it is divided by its sum over the support.

        All classes of a query share that divisor and have the same number of shots. So the mean
        over a class's references ranks classes as the sum of attention does.
        """
        similarities = cosines(a_AD, b_BD)
        return similarities.exp()
