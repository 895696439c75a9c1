"""Student's t distribution.

Degrees of freedom may be infinite. The distribution is then the normal one.
"""

from __future__ import annotations

import math

from scipy import special  # scipy.stats takes a second to import

__all__ = ["below", "quantile"]


def quantile(probability: float, df: float) -> float:
    """The value that t is below with this probability, with `df` degrees of freedom."""
    if math.isinf(df):
        return float(special.ndtri(probability))
    return float(special.stdtrit(df, probability))


def below(value: float, df: float) -> float:
    """The probability that t is below this value, with `df` degrees of freedom."""
    if math.isinf(df):
        return float(special.ndtr(value))
    return float(special.stdtr(df, value))
