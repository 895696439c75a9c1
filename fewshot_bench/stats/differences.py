"""Paired differences between two baselines on the same episodes: intervals and p-values.

Shapes: T episodes, R runs, C test classes.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats import student
from fewshot_bench.stats.correctness import Correctness, difference_moments
from fewshot_bench.stats.influence import Influence, influence, influence_over_runs
from fewshot_bench.stats.standard_error import FEWEST_DF, Spread, StandardError

__all__ = ["Difference", "difference", "difference_over_runs"]

Floats = npt.NDArray[np.float64]
DifferenceKind = Literal[
    "images",
    "images+seeds",
    "images+runs",
    "never different",
    "too few images",
    "too few pairs",
    "too few drawn",
    "one episode",
    "too few trainings",
]


@dataclass(frozen=True)
class Difference:
    """The paired difference of two mean accuracies, first minus second.

    over: what its interval is over; images: its variance over images and episodes; trainings: over
    trainings. p and all intervals come from one standard error, so that they never disagree.
    """

    over: DifferenceKind
    images: Influence
    trainings: Spread

    @property
    def mean(self) -> float:
        """The difference."""
        return self.images.mean

    @property
    def kind(self) -> DifferenceKind:
        """What the interval is over, or why there is none."""
        if self.images.unknown:
            return self.images.unknown
        if self._is_never_different:
            return "never different"
        return "too few trainings" if self._error.df < FEWEST_DF else self.over

    @property
    def _is_never_different(self) -> bool:
        return not self.images.is_ever_wrong and self.trainings.variance == 0

    @cached_property
    def _error(self) -> StandardError:
        """The square root of V + 1 / (4 M^2): half a unit may be answered differently."""
        error = self.images.error(self.trainings)
        variance = error.se**2 + 0.25 / self.images.units**2
        return StandardError(math.sqrt(variance), error.df)

    def with_more(self, *, images: float, trainings: float) -> Difference:
        """This difference with so many times the images and trainings, all else as it is."""
        of_images = dataclasses.replace(
            self.images,
            variance_units=self.images.variance_units / images,
            squares=self.images.squares / images**3,
            units=self.images.units * images,
        )
        # as many degrees of freedom more as there are more trainings
        df = (self.trainings.df + 1) * trainings - 1
        of_trainings = Spread(self.trainings.variance / trainings, df)
        return Difference(self.over, of_images, of_trainings)

    def half_width_that_decides(self, level: float, power: float) -> float:
        """The least difference that the interval at `level` tells from 0 in so many samples."""
        tail = student.quantile(power, math.inf)
        return self._error.half_width(level) + tail * self._error.se

    @property
    def p(self) -> float:
        """Two-sided p-value of "no difference" by Student's t; NaN without an interval."""
        if self.images.unknown:
            return math.nan
        if self._is_never_different:
            return 1.0
        tail = student.below(-abs(self.mean) / self._error.se, self._error.df)
        return 2 * tail

    def interval(self, level: float) -> tuple[float, float]:
        """The interval at a confidence level, such as 0.95; NaN where there is none."""
        if self._is_never_different and not self.images.unknown:
            # rule of three: 1 - 0.05^(1/M) is about 3 / M
            half_width = -math.log(1 - level) / self.images.units
        else:
            half_width = self._error.half_width(level)
        low, high = np.clip([self.mean - half_width, self.mean + half_width], -1, 1)
        return float(low), float(high)


def difference(first: Correctness, second: Correctness) -> Difference:
    """How much more accurate the first baseline is than the second on the same episodes.

    Seeds are no pairs: the variances of the two means over seeds are added.
    """
    images = influence(first.design, difference_moments(first, second))
    first_seeds = Spread.of(first.accuracy_S)
    second_seeds = Spread.of(second.accuracy_S)
    seeds = first_seeds.plus(second_seeds)
    over: DifferenceKind = "images+seeds" if seeds.variance > 0 else "images"
    return Difference(over, images, seeds)


def difference_over_runs(first: Correctness, second: Correctness, weights_RC: Floats) -> Difference:
    """As `difference`, on the same runs of a classification protocol, which are pairs.

    weights_RC: as in `estimate_over_runs`, all above 0.
    """
    moments = difference_moments(first, second)
    images = influence_over_runs(first.design, moments, weights_RC)
    runs = Spread.of((moments.recall_TN[:] * weights_RC).sum(1))
    return Difference("images+runs", images, runs)
