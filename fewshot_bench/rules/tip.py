"""Tip: references vote with a weight that falls off quickly with their distance."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from fewshot_bench import Card, Products, Rule, RuleSettings, unit


@dataclass(frozen=True, kw_only=True)
class TipSettings(RuleSettings):
    """sharpness: beta of the paper's Eq. 4; MVREC (2025) takes 32."""

    sharpness: float = 5.5

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_positive("sharpness")


class Tip(Rule):
    """The cache of Tip-Adapter without its text: exp(-beta (1 - cosine)), over the references."""

    card = Card(
        title="Tip-Adapter's cache",
        paper="Zhang et al.: Tip-Adapter: Training-free Adaption of CLIP (ECCV)",
        year=2022,
    )
    settings_type = TipSettings
    settings: TipSettings

    def transform(self, features_BD: Tensor) -> Tensor:
        """Features of unit length."""
        return unit(features_BD)

    def score_products(self, products: Products) -> Tensor:
        """Logarithms (N, B, Q) of the summed weights of the references of each class.

        Their order is that of the sums, and however sharp, they do not all round to zero.
        """
        distances_NKBQ = 1 - products.query_NKBQ
        return (-self.settings.sharpness * distances_NKBQ).logsumexp(1)
