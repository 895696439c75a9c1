"""Differences between two accuracies that were not measured on the same episodes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fewshot_bench.stats.differences import Difference, DifferenceKind
from fewshot_bench.stats.influence import Influence, Unknown
from fewshot_bench.stats.intervals import Estimate
from fewshot_bench.stats.standard_error import Spread

__all__ = ["Measured", "unpaired_difference"]

# why an estimate has no interval, as an influence says it
UNKNOWN: dict[str, Unknown] = {
    "too few images": "too few images",
    "too few pairs": "too few pairs",
    "too few drawn": "too few drawn",
    "one episode": "one episode",
}


@dataclass(frozen=True)
class Measured:
    """An accuracy. sizes: images (or groups of them) of each class; trainings: their number."""

    estimate: Estimate
    sizes: tuple[int, ...]
    trainings: int

    @property
    def squares(self) -> float:
        """The square of the variance over images, over the degrees of freedom it has at least."""
        fewest_df = max(min(self.sizes) - 1, 2)
        return self.estimate.se_images**4 / fewest_df

    @property
    def inverse_units(self) -> float:
        """One over the effective number of images (Kish)."""
        return sum(1 / size for size in self.sizes) / len(self.sizes) ** 2

    @property
    def seeds(self) -> Spread:
        """How the mean varies with the training."""
        if self.trainings == 1:
            return Spread(variance=0.0, df=math.inf)
        return Spread(self.estimate.se_seeds**2, self.trainings - 1)


def unpaired_difference(first: Measured, second: Measured) -> Difference:
    """The difference of two mean accuracies, first minus second, whose variances are added.

        V = V_1 + V_2;  df by Satterthwaite, of each part that of its smallest class

    That is right for other images. For the same images in other episodes, whose errors go together,
    it is on the safe side.
    """
    own = first.estimate
    other = second.estimate
    unknown = UNKNOWN.get(own.kind) or UNKNOWN.get(other.kind) or ""
    images = Influence(
        mean=own.accuracy - other.accuracy,
        variance_units=own.se_images**2 + other.se_images**2,
        variance_episodes=0.0,  # it is a part of both
        squares=first.squares + second.squares,
        units=1 / math.hypot(first.inverse_units, second.inverse_units),
        is_ever_wrong=own.kind != "never wrong" or other.kind != "never wrong",
        unknown=unknown,
    )
    seeds = first.seeds.plus(second.seeds)
    over: DifferenceKind = "images+seeds" if seeds.variance > 0 else "images"
    return Difference(over, images, seeds)
