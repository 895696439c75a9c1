"""Losses of Phuong, Duc Tin and Hong Trang (2024), and losses of others.

Equation numbers are those of that paper.
Shapes: B, N images of a batch, M views of them, D features, C train classes.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "ArcMargin",
    "BeyondPi",
    "combined_loss",
    "contrast",
    "cosines",
    "self_contrastive",
    "sigmoid_focal",
    "supervised_contrastive",
]

BeyondPi = Literal["equation", "penalty"]

LARGEST_COSINE = 1 - 1e-7  # the slope of arccos is infinite at 1 and -1


def cosines(a_ND: Tensor, b_MD: Tensor) -> Tensor:
    """Cosine similarity (N, M) of each a and each b, in float32."""
    unit_a = F.normalize(a_ND.float(), dim=1)
    unit_b = F.normalize(b_MD.float(), dim=1)
    return unit_a @ unit_b.T


def contrast(a_ND: Tensor, b_ND: Tensor, *, temperature: float) -> Tensor:
    """Eq. 1, (N,): the contrastive loss of each pair (a_n, b_n).

    -log of exp(sim(a_n, b_n)/t) over the sum of exp(sim(a_n, .)/t) over all 2N rows but a_n itself.
    """
    a = F.normalize(a_ND.float(), dim=1)
    b = F.normalize(b_ND.float(), dim=1)
    within_a = a @ a.T
    within_a.fill_diagonal_(-math.inf)  # exp is 0: a_n itself is not in the sum
    similarities = torch.cat([a @ b.T, within_a], dim=1)
    positives = torch.arange(len(a), device=a.device)
    return F.cross_entropy(similarities / temperature, positives, reduction="none")


def self_contrastive(
    x_ND: Tensor, i_ND: Tensor, j_ND: Tensor, *, temperature: float, symmetric: bool = False
) -> Tensor:
    """Eq. 2, a scalar: the mean of three pairs of sets over a batch of N images.

    The terms are l(x_n, x_i), l(x_n, x_j) and l(x_i, x_j), where l is Eq. 1. The 2N rows of each
    pair of sets are those two sets. symmetric: (l(a, b) + l(b, a)) / 2 in the place of l(a, b), as
    in SimCLR (Chen et al. 2020).
    """
    pairs = [(x_ND, i_ND), (x_ND, j_ND), (i_ND, j_ND)]
    if symmetric:
        pairs += [(i_ND, x_ND), (j_ND, x_ND), (j_ND, i_ND)]
    losses = []
    for a_ND, b_ND in pairs:
        losses.append(contrast(a_ND, b_ND, temperature=temperature))
    return torch.stack(losses).mean()


def supervised_contrastive(
    embeddings_MD: Tensor, labels_M: Tensor, *, temperature: float
) -> Tensor:
    """L_sup^out (Khosla et al. 2020, Eq. 2), a scalar: the mean over M views.

    Each class needs two views or more. The loss of view i is minus the mean, over the other views p
    of its class, of log exp(sim(i, p)/t) / sum_{k != i} exp(sim(i, k)/t).
    """
    similarities = cosines(embeddings_MD, embeddings_MD)
    scores = (similarities / temperature).fill_diagonal_(-math.inf)
    is_same_class = labels_M[:, None] == labels_M
    is_positive = is_same_class.fill_diagonal_(False)
    # zero where a pair is no positive, so that sums are over positives
    log_shares = scores.log_softmax(1).masked_fill(~is_positive, 0)
    mean_log_shares = log_shares.sum(1) / is_positive.sum(1)
    return -mean_log_shares.mean()


def sigmoid_focal(scores_BC: Tensor, target_BC: Tensor, *, gamma: float, balance: float) -> Tensor:
    """Binary focal loss (Lin et al. 2017, Eq. 5), a scalar: the mean over images and classes.

    -a (1 - p)^gamma log p, where p is the probability that the sigmoid of a score gives to what is
    true, and a is `balance` where the target is 1 and 1 - balance where it is 0.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(scores_BC, target_BC, reduction="none")
    is_positive = target_BC > 0
    signed_scores = torch.where(is_positive, scores_BC, -scores_BC)
    weight = torch.where(is_positive, balance, 1 - balance)
    # 1 - p as the sigmoid of minus the score, which loses no digits
    wrong_share = torch.sigmoid(-signed_scores)
    losses = weight * wrong_share**gamma * cross_entropy
    return losses.mean()


class ArcMargin(nn.Module):
    """Eq. 4 (ArcFace, Deng et al. 2019): cross-entropy, the true class's angle plus a margin.

    features: D; classes: C; margin: m, radians; scale: s; beyond_pi: what stands for cos(theta + m)
    where theta + m > pi: the `equation` as written, or `penalty`, the monotone cos(theta) -
    m*sin(m) of the ArcFace authors' code.
    """

    def __init__(
        self, features: int, classes: int, *, margin: float, scale: float, beyond_pi: BeyondPi
    ) -> None:
        super().__init__()
        weight = torch.empty(classes, features)
        self.weight = nn.Parameter(nn.init.xavier_uniform_(weight))
        self.margin = margin
        self.scale = scale
        self.beyond_pi = beyond_pi

    def cosines(self, embeddings_ND: Tensor) -> Tensor:
        """cos(theta_j), (N, C): features and weights normalised, no bias."""
        return cosines(embeddings_ND, self.weight)

    def forward(self, embeddings_ND: Tensor, labels_N: Tensor) -> Tensor:
        """The loss, a scalar: the mean over the batch."""
        cosines_NC = self.cosines(embeddings_ND)
        labels_N1 = labels_N[:, None]
        # the cosine of the true class alone gets the margin
        true_N1 = cosines_NC.gather(1, labels_N1).clamp(-LARGEST_COSINE, LARGEST_COSINE)
        enlarged_N1 = torch.cos(torch.arccos(true_N1) + self.margin)
        if self.beyond_pi == "penalty":
            is_beyond_N1 = true_N1 <= math.cos(math.pi - self.margin)
            penalised_N1 = true_N1 - self.margin * math.sin(self.margin)
            enlarged_N1 = torch.where(is_beyond_N1, penalised_N1, enlarged_N1)
        scores_NC = self.scale * cosines_NC.scatter(1, labels_N1, enlarged_N1)
        return F.cross_entropy(scores_NC, labels_N)


def combined_loss(contrastive: Tensor, arc: Tensor, *, alpha: float, beta: float) -> Tensor:
    """Eq. 5: alpha * L_con + beta * L_arc."""
    return alpha * contrastive + beta * arc
