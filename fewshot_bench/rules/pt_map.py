"""PT-MAP: optimal transport distributes the queries evenly over the classes, again and again.

Shapes: N ways, K shots, Q queries, B episodes of a block.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fewshot_bench import Card, NotApplicable, Rule, RuleSettings, Together, unit

SMALLEST = 1e-6  # epsilon of Eq. 1
LEAST = torch.finfo(torch.float32).tiny  # share of the queries that a class has at any time
# change of a factor between two iterations, at which easyfsl stops too
TOLERANCE = 1e-6
ITERATIONS = 1000  # of Sinkhorn's algorithm, at most, for each of the steps


@dataclass(frozen=True, kw_only=True)
class PtMapSettings(RuleSettings):
    """exponent: beta of Eq. 1; strength: lambda of Eq. 3; steps and rate (alpha): of Eq. 6.

    The defaults are those of easyfsl's benchmark, which takes the power of features of unit length;
    unit_length=true brings them to unit length again, as the paper does.
    """

    exponent: float = 0.5
    unit_length: bool = False
    strength: float = 10.0
    steps: int = 30
    rate: float = 0.3

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need(0 < self.exponent <= 1, "exponent", "more than 0, at most 1")
        self.need_positive("strength")
        self.need_at_least("steps", 0)
        self.need(0 < self.rate <= 1, "rate", "more than 0, at most 1")


class PtMap(Rule):
    """Sinkhorn's algorithm shares the queries out; prototypes then move to their means.

    Squared lengths of queries and of prototypes divide rows and columns of exp(-lambda distance^2),
    which the algorithm makes up for. So it takes the products of queries and prototypes alone.
    """

    card = Card(
        title="PT-MAP",
        paper="Hu et al.: Leveraging the Feature Distribution in Transfer-based Few-Shot Learning",
        year=2020,
        transductive=True,
    )
    shift_invariant = True
    settings_type = PtMapSettings
    settings: PtMapSettings

    def transform(self, features_BD: Tensor) -> Tensor:
        """Powers of the features of unit length; what is negative counts as zero."""
        positive_BD = unit(features_BD).relu() + SMALLEST
        powers_BD = positive_BD.pow(self.settings.exponent)
        return unit(powers_BD) if self.settings.unit_length else powers_BD

    def score_together(self, together: Together) -> Tensor:
        """Probabilities (N, B, Q). Raises `NotApplicable` if a class would get no whole query."""
        fewest = int(together.queries_B.min())
        if fewest < together.ways:
            raise NotApplicable(
                f"it distributes the queries of an episode evenly over {together.ways} classes, "
                f"and an episode has {fewest}"
            )
        support_NBQ = together.mean_BNQ.transpose(0, 1).contiguous()
        query_BQQ = together.query_BQQ
        is_query_BQ = together.is_query_BQ.float()
        shots = together.shots
        is_unfinished_B = torch.zeros(len(query_BQQ), dtype=torch.bool)
        products_NBQ = support_NBQ
        potential_NB1 = torch.zeros(*support_NBQ.shape[:2], 1)
        for _ in range(self.settings.steps):
            plan_NBQ, potential_NB1, unfinished_B = self._plan(
                products_NBQ, potential_NB1, is_query_BQ
            )
            is_unfinished_B |= unfinished_B
            # of the mean of the references and queries of a class with each query
            of_queries_BNQ = plan_NBQ.transpose(0, 1) @ query_BQQ
            sums_NBQ = shots * support_NBQ + of_queries_BNQ.transpose(0, 1)
            means_NBQ = sums_NBQ / (shots + plan_NBQ.sum(2, keepdim=True))
            products_NBQ = products_NBQ.lerp(means_NBQ, self.settings.rate)
        plan_NBQ, _, unfinished_B = self._plan(products_NBQ, potential_NB1, is_query_BQ)
        together.unfinished += int((is_unfinished_B | unfinished_B).sum())
        return plan_NBQ

    def _plan(
        self, products_NBQ: Tensor, potential_NB1: Tensor, is_query_BQ: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(plan_NBQ, potential_NB1, is_unfinished_B): each class gets its share of the queries.

        potential_NB1: logarithms of what columns were multiplied by in the step before, which this
        one goes on from.
        """
        logits_NBQ = 2 * self.settings.strength * products_NBQ
        share_B1 = is_query_BQ.sum(1, keepdim=True) / len(products_NBQ)
        before_NB1 = torch.zeros_like(potential_NB1)
        for _ in range(ITERATIONS):
            plan_NBQ = (logits_NBQ + potential_NB1).softmax(0) * is_query_BQ
            sums_NB1 = plan_NBQ.sum(2, keepdim=True).clamp_min(LEAST)
            ratios_NB1 = share_B1 / sums_NB1
            # an episode that converged stays as it is, whatever others of its block need
            is_unfinished_B1 = ((ratios_NB1 - before_NB1).abs() > TOLERANCE).any(0)
            before_NB1 = ratios_NB1
            if not is_unfinished_B1.any():
                break
            steps_NB1 = ratios_NB1.log()
            potential_NB1 = potential_NB1 + steps_NB1.where(is_unfinished_B1, 0)
        return plan_NBQ, potential_NB1, is_unfinished_B1[:, 0]
