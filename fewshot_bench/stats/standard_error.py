"""Standard errors with their degrees of freedom. Shape: S trainings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats import student

__all__ = ["FEWEST_DF", "Spread", "StandardError"]

FEWEST_DF = 2  # with fewer degrees of freedom, an interval over trainings says nothing


@dataclass(frozen=True)
class Spread:
    """How a mean over trainings (seeds or runs) would vary with other trainings.

    variance: of this mean, 0 with a single training; df: degrees of freedom of the variance,
    infinite with a single training.
    """

    variance: float
    df: float

    @classmethod
    def of(cls, values_S: npt.NDArray[np.float64]) -> Spread:
        """The spread of the mean of one value a training."""
        trainings = len(values_S)
        if trainings == 1:
            return cls(variance=0.0, df=math.inf)
        variance = float(values_S.var(ddof=1)) / trainings
        return cls(variance, df=trainings - 1)

    @property
    def squares(self) -> float:
        """The square of the variance over its degrees of freedom."""
        return self.variance**2 / self.df

    def plus(self, other: Spread) -> Spread:
        """The spread of the sum or difference of two independent means."""
        variance = self.variance + other.variance
        squares = self.squares + other.squares
        df = variance**2 / squares if squares > 0 else math.inf
        return Spread(variance, df)


@dataclass(frozen=True)
class StandardError:
    """A standard error with its degrees of freedom."""

    se: float
    df: float

    @classmethod
    def of(cls, variance: float, squares: float, trainings: Spread) -> StandardError:
        """From a variance over units, and that over trainings.

            df = V^2 / sum of V_part^2 / df_part   (Satterthwaite 1946, Biometrics Bulletin 2)

        squares: the sum of V_part^2 / df_part over the parts of the variance over units.
        """
        total = variance + trainings.variance
        all_squares = squares + trainings.squares
        df = total**2 / all_squares if all_squares > 0 else math.inf
        return cls(math.sqrt(total), df)

    def half_width(self, level: float) -> float:
        """Half the width of the interval at a confidence level, such as 0.95."""
        probability = (1 + level) / 2
        return self.se * student.quantile(probability, self.df)
