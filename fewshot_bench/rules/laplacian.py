"""LaplacianShot: queries that are neighbours of each other get similar answers.

Shapes: N ways, Q queries, B episodes of a block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fewshot_bench.plugins.rules.bd_cspn import BdCspn
from torch import Tensor

from fewshot_bench import Card, RuleSettings, Together

CONVERGED = 1e-6  # change of a probability
NONE = -4.0  # similarity to what is no other query; that of a query is -1 or more


@dataclass(frozen=True, kw_only=True)
class LaplacianSettings(RuleSettings):
    """neighbours: of a query; strength: lambda of Eq. 1; steps: bound updates, at most.

    The defaults are those of easyfsl's benchmark. Its `knn=3` counts the query itself.
    """

    neighbours: int = 2
    strength: float = 0.1
    steps: int = 10

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("neighbours", 1)
        self.need(0 <= self.strength < math.inf, "strength", "0 or more")
        self.need_at_least("steps", 1)


class Laplacian(BdCspn):
    """Bound updates (Algorithm 1) from distances to the prototypes of BD-CSPN.

    The probabilities of a query's classes become the softmax of -distance^2 + lambda * the sum of
    those of its nearest neighbours.
    """

    card = Card(
        title="LaplacianShot",
        paper="Ziko et al.: Laplacian Regularized Few-Shot Learning (ICML)",
        year=2020,
        transductive=True,
    )
    settings_type = LaplacianSettings
    settings: LaplacianSettings

    def score_together(self, together: Together) -> Tensor:
        """Probabilities (N, B, Q)."""
        products_BNQ, squares_BN = self.rectified(together)
        # a query's own squared length decides nothing between classes
        distances_BNQ = squares_BN[..., None] - 2 * products_BNQ
        affinity_BQQ = self.settings.strength * self._neighbours(together)
        probabilities_BNQ: Tensor = (-distances_BNQ).softmax(1)
        for _ in range(self.settings.steps):
            before_BNQ = probabilities_BNQ
            # row i of the affinity marks the neighbours of query i
            support_BNQ = before_BNQ @ affinity_BQQ.mT
            probabilities_BNQ = (support_BNQ - distances_BNQ).softmax(1)
            changes_BNQ = (probabilities_BNQ - before_BNQ).abs()
            if changes_BNQ.max() <= CONVERGED:
                break
        is_unfinished_B = changes_BNQ.amax((1, 2)) > CONVERGED
        together.unfinished += int(is_unfinished_B.sum())
        return probabilities_BNQ.transpose(0, 1)

    def _neighbours(self, together: Together) -> Tensor:
        """1 (B, Q, Q) where the query of a column is among the nearest of that of the row."""
        similarity_BQQ = together.query_BQQ.clone()
        similarity_BQQ.diagonal(dim1=1, dim2=2).fill_(NONE)
        if not together.is_query_BQ.all():
            padding_BQ = NONE * (~together.is_query_BQ).float()
            similarity_BQQ += padding_BQ[:, None]
        # of unit vectors, the nearest has the highest product; equal ones come together
        remaining_BQQ = similarity_BQQ
        lowest_BQ1 = remaining_BQQ.amax(2, keepdim=True)
        for _ in range(self.settings.neighbours - 1):
            remaining_BQQ = remaining_BQQ.where(remaining_BQQ < lowest_BQ1, NONE)
            # there may be fewer others than neighbours are asked for
            lowest_BQ1 = remaining_BQQ.amax(2, keepdim=True)
        is_neighbour_BQQ: Tensor = similarity_BQQ >= lowest_BQ1.clamp_min(NONE / 2)
        return is_neighbour_BQQ.float()
