"""Losses: those of Phuong, Duc Tin and Hong Trang (2024), by the numbers of its equations, and the supervised contrastive.

Shapes: N images of a batch, M views of them, D features, C train classes.
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
    "contrast",
    "cosines",
    "self_contrastive",
    "supervised_contrastive",
    "total",
]

BeyondPi = Literal["equation", "penalty"]


def cosines(a_ND: Tensor, b_MD: Tensor) -> Tensor:
    """Cosine similarity (N, M) of each a and each b, in float32."""
    return F.normalize(a_ND.float(), dim=1) @ F.normalize(b_MD.float(), dim=1).T


def contrast(a_ND: Tensor, b_ND: Tensor, *, temperature: float) -> Tensor:
    """Eq. 1, (N,): -log of exp(sim(a_n, b_n)/t) over the sum of exp(sim(a_n, .)/t) over all 2N rows but a_n itself."""
    a, b = F.normalize(a_ND.float(), dim=1), F.normalize(b_ND.float(), dim=1)
    own = (a @ a.T).fill_diagonal_(-math.inf)
    scores = torch.cat([a @ b.T, own], dim=1) / temperature
    return F.cross_entropy(scores, torch.arange(len(a), device=a.device), reduction="none")


def self_contrastive(
    x_ND: Tensor, i_ND: Tensor, j_ND: Tensor, *, temperature: float, symmetric: bool = False
) -> Tensor:
    """Eq. 2, a scalar: the mean of l(x_n, x_i), l(x_n, x_j) and l(x_i, x_j) over a batch of N images.

    The 2N views of each pair of sets are those two sets. symmetric: (l(a, b) + l(b, a)) / 2 in the place of l(a, b), as
    in SimCLR (Chen et al. 2020).
    """
    pairs = [(x_ND, i_ND), (x_ND, j_ND), (i_ND, j_ND)]
    if symmetric:
        pairs += [(b, a) for a, b in pairs]
    return torch.stack([contrast(a, b, temperature=temperature) for a, b in pairs]).mean()


def supervised_contrastive(
    embeddings_MD: Tensor, labels_M: Tensor, *, temperature: float
) -> Tensor:
    """L_sup^out (Khosla et al. 2020, Eq. 2), a scalar: the mean over M views, each of a class with another view.

    Of a view: minus the mean, over the other views of its class, of log exp(sim(i, p)/t) / sum_{k != i} exp(sim(i, k)/t).
    """
    scores = (cosines(embeddings_MD, embeddings_MD) / temperature).fill_diagonal_(-math.inf)
    positive = (labels_M[:, None] == labels_M).fill_diagonal_(False)
    logs = scores.log_softmax(1).masked_fill(~positive, 0)
    return -(logs.sum(1) / positive.sum(1)).mean()


class ArcMargin(nn.Module):
    """Eq. 4 (ArcFace, Deng et al. 2019): softmax cross-entropy with the true class's angle enlarged by a margin.

    features: D; classes: C; margin: radians; scale: s; beyond_pi: what stands for cos(theta + m) where theta + m > pi:
    the `equation` as written, or the monotone `penalty` cos(theta) - m*sin(m) of the ArcFace authors' code.
    """

    def __init__(
        self, features: int, classes: int, *, margin: float, scale: float, beyond_pi: BeyondPi
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, features)))
        self.margin, self.scale, self.beyond_pi = margin, scale, beyond_pi

    def cosines(self, embeddings_ND: Tensor) -> Tensor:
        """cos(theta_j), (N, C): features and weights normalised, no bias."""
        return cosines(embeddings_ND, self.weight)

    def forward(self, embeddings_ND: Tensor, labels_N: Tensor) -> Tensor:
        """The loss, a scalar: the mean over the batch."""
        cosine = self.cosines(embeddings_ND)
        true = cosine.gather(1, labels_N[:, None]).clamp(
            -1 + 1e-7, 1 - 1e-7
        )  # the slope of arccos is infinite at 1
        enlarged = torch.cos(torch.arccos(true) + self.margin)
        if self.beyond_pi == "penalty":
            turned = true <= math.cos(math.pi - self.margin)
            enlarged = torch.where(turned, true - self.margin * math.sin(self.margin), enlarged)
        return F.cross_entropy(
            self.scale * cosine.scatter(1, labels_N[:, None], enlarged), labels_N
        )


def total(contrastive: Tensor, arc: Tensor, *, alpha: float, beta: float) -> Tensor:
    """Eq. 5: alpha * L_con + beta * L_arc."""
    return alpha * contrastive + beta * arc
