"""Matching networks: a query attends to every support image, the class with most of its attention is the answer.

Shapes: N ways, K shots, Q queries, D features.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from fewshot_bench.baseline import Card
from fewshot_bench.learn.episodic import EpisodicBaseline
from fewshot_bench.learn.losses import cosines


class Matching(EpisodicBaseline):
    """Attention is the softmax of cosine similarities over the support (Vinyals et al. 2016, section 2.1.1).

    Without the paper's full context embeddings: one encoder, the same for support and queries, sees each image alone.
    """

    card = Card(
        title="Matching networks",
        paper="Vinyals et al.: Matching Networks for One Shot Learning (NeurIPS)",
        year=2016,
    )

    def episode_loss(self, support_NKD: Tensor, query_QD: Tensor, ways_Q: Tensor) -> Tensor:
        """-log of the attention that the true class's support gets, the mean over queries."""
        similar_QNK = cosines(query_QD, support_NKD.flatten(0, 1)).unflatten(
            1, support_NKD.shape[:2]
        )
        return F.cross_entropy(similar_QNK.logsumexp(2), ways_Q)

    def pair(self, a_AD: Tensor, b_BD: Tensor) -> Tensor:
        """exp(cosine), (A, B): the attention before it is divided by its sum over the support.

        All classes of a query share that divisor and have as many shots, so that the mean over a class's references
        ranks classes as the sum of attention does.
        """
        return cosines(a_AD, b_BD).exp()
