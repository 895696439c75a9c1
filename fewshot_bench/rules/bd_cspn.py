"""BD-CSPN: class means are corrected by the queries that are nearest to them.

Shapes: N ways, K shots, S = N * K references, Q queries, V = S + Q images of an episode, B episodes
of a block, W = N + 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fewshot_bench import Card, Rule, Together, unit


class BdCspn(Rule):
    """Bias diminishing: the queries are moved so that their mean is that of the references.

    Each query then counts for the class of the highest cosine. A new prototype is the mean of the
    references and queries of its class, weighted by exp(cosine to the old one). As in easyfsl, the
    queries that are answered are those that were not moved.
    """

    card = Card(
        title="BD-CSPN",
        paper="Liu et al.: Prototype Rectification for Few-Shot Learning (ECCV)",
        year=2020,
        transductive=True,
    )

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_together(self, together: Together) -> Tensor:
        """Cosines (N, B, Q) of the queries to the corrected prototypes."""
        products_BNQ, squares_BN = self.rectified(together)
        # queries have unit length
        cosines_BNQ = products_BNQ * squares_BN.rsqrt()[..., None]
        return cosines_BNQ.transpose(0, 1)

    def rectified(self, together: Together) -> tuple[Tensor, Tensor]:
        """Products (B, N, Q) of the new prototypes with the queries; their squared lengths (B, N).

        Each vector is a sum of images, and stands here by the weights of these.
        """
        products_BVV = together.products_BVV
        ways = together.ways
        references = together.references
        block, images = products_BVV.shape[:2]
        is_query_BV = torch.zeros(block, images)
        is_query_BV[:, references:] = together.is_query_BQ
        # the means of the classes, and the shift: the mean of the references less the queries'
        of_way_NS = torch.eye(ways).repeat_interleave(together.shots, dim=1)
        sums_BWV = torch.zeros(block, ways + 1, images)
        sums_BWV[:, :ways, :references] = of_way_NS / together.shots
        sums_BWV[:, ways, :references] = 1 / references
        sums_BWV[:, ways] -= is_query_BV / together.queries_B[:, None]
        products_BWV = sums_BWV @ products_BVV
        of_means_BNV = products_BWV[:, :ways]
        of_shift_BV = products_BWV[:, ways]
        shift_BV = sums_BWV[:, ways]
        mean_squares_BN1 = (of_means_BNV * sums_BWV[:, :ways]).sum(2, keepdim=True)
        shift_square_B1 = (of_shift_BV * shift_BV).sum(1, keepdim=True)
        shift_by_mean_BN1 = (of_means_BNV * shift_BV[:, None]).sum(2, keepdim=True)

        # cosines of the means to each image, moved if it is a query
        moved_BNV = of_means_BNV + is_query_BV[:, None] * shift_by_mean_BN1
        squares_BV = products_BVV.diagonal(dim1=1, dim2=2)
        moved_squares_BV = squares_BV + is_query_BV * (2 * of_shift_BV + shift_square_B1)
        squares_BNV = mean_squares_BN1 * moved_squares_BV[:, None]
        cosines_BNV = moved_BNV * _at_least_tiny(squares_BNV).rsqrt()

        # weights of the images in the new prototype of their class
        is_nearest_BNV = cosines_BNV >= cosines_BNV.amax(1, keepdim=True)
        is_of_class_BNV = is_nearest_BNV * is_query_BV[:, None]
        is_of_class_BNV[:, :, :references] = of_way_NS
        weights_BNV = cosines_BNV.exp() * is_of_class_BNV
        weights_BNV = weights_BNV / weights_BNV.sum(2, keepdim=True)
        moved_weight_BN1 = weights_BNV[:, :, references:].sum(2, keepdim=True)
        prototypes_BNV = weights_BNV + moved_weight_BN1 * shift_BV[:, None]
        products_BNV = prototypes_BNV @ products_BVV
        prototype_squares_BN = (products_BNV * prototypes_BNV).sum(2)
        return products_BNV[:, :, references:], _at_least_tiny(prototype_squares_BN)


def _at_least_tiny(squares: Tensor) -> Tensor:
    """Squared lengths that can be divided by; a zero vector has none."""
    return squares.clamp_min(torch.finfo(torch.float32).tiny)
