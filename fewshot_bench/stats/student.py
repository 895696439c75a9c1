"""Student's t distribution.

Degrees of freedom may be infinite. The distribution is then the normal one.
"""

from __future__ import annotations

import math

from scipy import special  # scipy.stats takes a second to import

__all__ = ["quantile", "satterthwaite"]


def quantile(probability: float, df: float) -> float:
    """The value that t is below with this probability, with `df` degrees of freedom."""
    if math.isinf(df):
        return float(special.ndtri(probability))
    return float(special.stdtrit(df, probability))


def satterthwaite(variance_1: float, df_1: float, variance_2: float, df_2: float) -> float:
    """Degrees of freedom of the sum of two independent variance estimates.

    df = (v_1 + v_2)^2 / (v_1^2 / df_1 + v_2^2 / df_2)   (Satterthwaite 1946, Biometrics Bulletin 2)

    A variance of 0 is left out. Infinite if both are 0.
    """
    denominator = 0.0
    if variance_1 > 0:
        denominator += variance_1**2 / df_1
    if variance_2 > 0:
        denominator += variance_2**2 / df_2
    if denominator == 0:
        return math.inf
    return (variance_1 + variance_2) ** 2 / denominator
