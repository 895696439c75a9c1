"""The variance of what is measured on pairs of images, where an image is in several pairs.

Shapes: P pairs, U units (images, or the images of one class in a group), C classes, G groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.design import Bools, Floats, Ints, Units
from fewshot_bench.stats.influence import Influence, Unknown
from fewshot_bench.stats.open_world import placements

__all__ = ["PairDesign", "Value", "accuracy_of_pairs", "area_of_pairs", "influence_of_pairs"]

FEWEST_IN_A_CLASS = 3  # units
# of the variance of pairs that share nothing, below which chance alone can bring the estimate
LEAST_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class PairDesign:
    """The images of each pair. image_P2: as positions; units: of the images."""

    image_P2: Ints
    units: Units

    @cached_property
    def unit_P2(self) -> Ints:
        """The units of each pair."""
        return self.units.of_M[self.image_P2]

    @cached_property
    def class_P2(self) -> Ints:
        """The classes of each pair."""
        return self.units.class_U[self.unit_P2]

    @property
    def is_same_P(self) -> Bools:
        """Whether its images are of one class."""
        return np.asarray(self.class_P2[:, 0] == self.class_P2[:, 1])

    @cached_property
    def kind_P(self) -> npt.NDArray[np.int64]:
        """A number that pairs of the same one or two classes share, from 0 on."""
        _, kinds = np.unique(np.sort(self.class_P2, axis=1), axis=0, return_inverse=True)
        return kinds.ravel()

    @cached_property
    def sizes_C(self) -> npt.NDArray[np.int64]:
        """Number of units of each class that are in a pair."""
        used = np.unique(self.unit_P2)
        return np.bincount(self.units.class_U[used], minlength=int(self.units.class_U.max()) + 1)


@dataclass(frozen=True, eq=False)
class Value:
    """A mean over pairs. effect_P: what each pair adds to it, to first order."""

    mean: float
    effect_P: Floats


def accuracy_of_pairs(right_P: npt.NDArray[np.generic]) -> Value:
    """The share of the pairs that are answered rightly; right_P may be a mean over trainings."""
    values_P = right_P.astype(np.float64)
    return Value(float(values_P.mean()), values_P / len(values_P))


def area_of_pairs(ranks_P: npt.NDArray[np.uint16], is_same_P: Bools) -> Value:
    """How often a pair of one class ranks higher than one of two; ties count half."""
    place_1P = placements(ranks_P[None], is_same_P[None], ~is_same_P[None])
    place_P = place_1P[0]
    count_P = np.where(is_same_P, is_same_P.sum(), (~is_same_P).sum())
    return Value(float(place_P[is_same_P].mean()), place_P / count_P)


def influence_of_pairs(design: PairDesign, value: Value, *, is_ever_wrong: bool) -> Influence:
    """The variance of a mean over pairs, for other images of the same classes and other pairs.

        V = sum_g (sum of e_p over the pairs p with a unit of g)^2
            - sum_gh (sum of e_p over the pairs of g and h)^2

    e_p: what pair p adds to the mean, less the mean over the pairs of its one or two classes. That
    is the sum of e_p e_q over all p and q that share an image (Aronow, Samii and Assenova 2015,
    Political Analysis 23). To leave out each image in turn instead would count the variance of a
    pair by itself twice, once for each of its images. g, h: units, or groups of units.

    Sums over n are multiplied by n / (n - 1). A class needs three units, and each kind of pair two
    pairs. is_ever_wrong: as in `Influence`.
    """
    units = design.units
    group_P2 = units.group_U[design.unit_P2]
    used_groups = len(np.unique(group_P2))
    # so many pairs may share no unit
    effective = min(len(group_P2), used_groups / 2)
    pairs_K = np.bincount(design.kind_P)
    sizes_C = design.sizes_C
    why: Unknown = ""
    if pairs_K.min() < 2:
        why = "too few pairs"
    elif (sizes_C[sizes_C > 0] < FEWEST_IN_A_CLASS).any():
        why = "too few images"
    if why:
        nan = math.nan
        return Influence(value.mean, nan, nan, nan, effective, is_ever_wrong, why)

    mean_K = np.bincount(design.kind_P, value.effect_P) / pairs_K
    centred_P = value.effect_P - mean_K[design.kind_P]
    centred_P *= np.sqrt(pairs_K / (pairs_K - 1))[design.kind_P]
    sum_U = np.zeros(len(units.class_U))
    for unit_P in design.unit_P2.T:
        sum_U += np.bincount(unit_P, centred_P, len(sum_U))
    free_C = np.maximum(sizes_C - 1, 1)
    sum_U *= np.sqrt(sizes_C / free_C)[units.class_U]
    by_group = float(np.square(np.bincount(units.group_U, sum_U)).sum())
    _, dyad_P = np.unique(np.sort(group_P2, axis=1), axis=0, return_inverse=True)
    by_dyad = float(np.square(np.bincount(dyad_P.ravel(), centred_P)).sum())
    variance = max(by_group - by_dyad, LEAST_SHARE * by_dyad)
    squares_C = np.bincount(units.class_U, np.square(sum_U), len(sizes_C))
    share = variance / by_group if by_group > 0 else 0.0
    squares = share**2 * float((np.square(squares_C) / free_C).sum())
    return Influence(
        mean=value.mean,
        variance_units=variance,
        variance_episodes=0.0,
        # so that there are at least two degrees of freedom
        squares=min(squares, variance**2 / 2),
        units=effective,
        is_ever_wrong=is_ever_wrong,
    )
