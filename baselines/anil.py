"""ANIL: almost no inner loop, the head alone adapts to an episode.

Shapes: T episodes of a block, N ways, K shots, S = N * K references, Q queries, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from fewshot_bench import Card
from fewshot_bench.learn import AdaptiveBaseline


class Anil(AdaptiveBaseline):
    """Learns features, and first weights of the head that few steps adapt (section 4).

    The head is linear, so the steps of a block of episodes are written out. They are those of
    learn2learn, which takes them in training.
    """

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

    def classify_block(self, support_TNKD: Tensor, query_TQD: Tensor) -> Tensor:
        """Scores (T, Q, N) of each episode's head after its steps on the support.

        Each step adds a sum of references to the weights of a way: `sums_TSN` has its coefficients.
        """
        ways, shots, features = support_TNKD.shape[1:]
        self.check_ways(ways)
        # steps may blow rounding up, and an episode has one answer whatever is beside it
        references_TSD = support_TNKD.flatten(1, 2).double()
        weight_ND = self.parts.get_parameter("head.weight")[:ways].double()
        bias_N = self.parts.get_parameter("head.bias")[:ways].double()
        first_TSN = references_TSD @ weight_ND.T + bias_N
        sums_TSN = torch.zeros_like(first_TSN)
        if ways * shots <= features:
            products_TSS = references_TSD @ references_TSD.mT
        is_way_SN = torch.eye(ways).to(first_TSN).repeat_interleave(shots, dim=0)
        # the loss of a step is the mean over the references
        step = self.settings.step_size / (ways * shots)
        for _ in range(self.settings.steps):
            if ways * shots <= features:
                added_TSN = products_TSS @ sums_TSN
            else:
                added_TSN = references_TSD @ (references_TSD.mT @ sums_TSN)
            scores_TSN = first_TSN + added_TSN + sums_TSN.sum(1, keepdim=True)
            # less the gradient of the cross-entropy by the scores
            sums_TSN = sums_TSN + step * (is_way_SN - scores_TSN.softmax(2))
        weight_TND = (weight_ND + sums_TSN.mT @ references_TSD).float()
        bias_TN = (bias_N + sums_TSN.sum(1)).float()
        scores_TNQ = weight_TND @ query_TQD.mT + bias_TN[..., None]
        return scores_TNQ.mT
