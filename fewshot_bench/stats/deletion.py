"""The delete-one jackknife of any value of an episode, from the episodes that were drawn.

Shapes: T episodes, N ways, C classes, S references of an episode, A queries of an episode of all
kinds, U units, B parts of the episodes.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.design import Bools, Floats, Ints, Units
from fewshot_bench.stats.influence import Influence, Unknown

__all__ = ["Measured", "OpenDesign", "influence_of", "measured"]

PARTS = 10  # of the episodes, each with an estimate of its own
FEWEST_IN_A_PART = 20  # episodes


@dataclass(frozen=True, eq=False)
class OpenDesign:
    """The images of all episodes, in the roles of references and queries.

    classes_TN: the ways; support_TS, query_TA: images as positions, -1 at padding; ways_queries:
    how many of the A queries are of the ways; units: of the images.
    """

    classes_TN: Ints
    support_TS: Ints
    query_TA: Ints
    ways_queries: int
    units: Units

    def __len__(self) -> int:
        return len(self.classes_TN)

    @property
    def classes(self) -> int:
        """Number of classes of the images, C."""
        return int(self.units.class_U.max()) + 1

    @property
    def is_query_TA(self) -> Bools:
        """True for a query, False for padding."""
        return np.asarray(self.query_TA >= 0)

    def part(self, start: int, stop: int) -> OpenDesign:
        """The design of episodes `start` to `stop - 1`."""
        rows = slice(start, stop)
        return OpenDesign(
            self.classes_TN[rows],
            self.support_TS[rows],
            self.query_TA[rows],
            self.ways_queries,
            self.units,
        )

    @cached_property
    def is_used_U(self) -> Bools:
        """Units that are in an episode."""
        is_used = np.zeros(len(self.units.class_U), dtype=bool)
        is_used[self.units.of_M[self.support_TS.ravel()]] = True
        is_used[self.units.of_M[self.query_TA[self.is_query_TA]]] = True
        return is_used

    @cached_property
    def sizes_C(self) -> npt.NDArray[np.int64]:
        """Number of units of each class that are in an episode."""
        return np.bincount(self.units.class_U[self.is_used_U], minlength=self.classes)

    @cached_property
    def effective_units(self) -> float:
        """How many independent units of equal weight say as much: C^2 / sum_c 1 / n_c."""
        sizes = self.sizes_C[self.sizes_C > 0]
        return len(sizes) ** 2 / float((1 / sizes).sum())


@dataclass(frozen=True, eq=False)
class Measured:
    """A mean over episodes. value_T: in each episode; deletion_BU: the mean less that without the
    unit, in each of B parts of the episodes; NaN where a unit is in every episode."""

    value_T: Floats
    deletion_BU: Floats

    @property
    def mean(self) -> float:
        """Over the episodes."""
        return float(self.value_T.mean())

    def plus(self, other: Measured, own_weight: float, other_weight: float) -> Measured:
        """The weighted sum of two means of the same episodes."""
        value_T = own_weight * self.value_T + other_weight * other.value_T
        deletion_BU = own_weight * self.deletion_BU + other_weight * other.deletion_BU
        return Measured(value_T, deletion_BU)


def measured(design: OpenDesign, value_T: Floats, without_TA: Floats) -> Measured:
    """The mean of a value over episodes, and what it is without each unit.

    without_TA: the value of the episode without the unit of each query; NaN where no other could
    take its place.
    """
    episodes = len(design)
    parts = min(PARTS, max(2, episodes // FEWEST_IN_A_PART))
    bounds = np.linspace(0, episodes, parts + 1).astype(int)
    deletions = []
    for start, stop in itertools.pairwise(bounds):
        rows = slice(start, stop)
        part = design.part(start, stop)
        deletions.append(_deletions(part, value_T[rows], without_TA[rows]))
    return Measured(value_T, np.stack(deletions))


def _deletions(design: OpenDesign, value_T: Floats, without_TA: Floats) -> Floats:
    """The mean of the value less that without each unit, (U,).

        d_u = sum over roles of T_r / T * (mean over T_r - mean over those without u as a reference)

    T_r: episodes in which the class of u is a way, or in which it has queries without being one. In
    the last mean, the value of an episode with u as a query is that without this query.
    """
    if len(design) == 0:
        return np.full(len(design.units.class_U), math.nan)
    is_way_A = np.arange(without_TA.shape[1]) < design.ways_queries
    is_query_TA = design.is_query_TA
    of_ways = is_query_TA & is_way_A
    of_others = is_query_TA & ~is_way_A
    as_way_U = _deletions_in_role(design, value_T, without_TA, of_ways, design.support_TS)
    no_references = np.empty((len(design), 0), dtype=np.int64)
    as_other_U = _deletions_in_role(design, value_T, without_TA, of_others, no_references)
    return as_way_U + as_other_U


def _deletions_in_role(
    design: OpenDesign,
    value_T: Floats,
    without_TA: Floats,
    is_in_role_TA: Bools,
    support_TS: Ints,
) -> Floats:
    """The part of `_deletions` of one role. support_TS: references that classes have in it."""
    units = design.units
    size = len(units.class_U)
    episode_TA = np.broadcast_to(np.arange(len(design))[:, None], is_in_role_TA.shape)
    queries = episode_TA[is_in_role_TA] * size + units.of_M[design.query_TA[is_in_role_TA]]
    # a unit counts once in an episode: its queries are left out together
    pairs, first = np.unique(queries, return_index=True)
    query_episodes = pairs // size
    query_units = pairs % size
    without = without_TA[is_in_role_TA][first]
    is_last = np.isnan(without)

    # an episode that has no value without the unit is left out, as one with it as a reference
    support_episodes = np.repeat(np.arange(len(design)), support_TS.shape[1])
    left_out = np.concatenate([support_episodes, query_episodes[is_last]])
    left_out_units = np.concatenate([units.of_M[support_TS.ravel()], query_units[is_last]])
    left_out_pairs = np.unique(left_out * size + left_out_units)
    left_out_episodes = left_out_pairs // size
    left_out_U = left_out_pairs % size
    count_U = np.bincount(left_out_U, minlength=size)
    sum_U = np.bincount(left_out_U, value_T[left_out_episodes], size)
    change = np.where(is_last, 0.0, without - value_T[query_episodes])
    change_U = np.bincount(query_units, change, size)

    classes = units.class_U[query_units]
    present = np.unique(query_episodes * design.classes + classes)
    present_classes = present % design.classes
    count_C = np.bincount(present_classes, minlength=design.classes)
    sum_C = np.bincount(present_classes, value_T[present // design.classes], design.classes)
    share_U = count_C[units.class_U] / len(design)
    mean_U = sum_C[units.class_U] / np.maximum(count_C[units.class_U], 1)
    rest_U = count_C[units.class_U] - count_U
    left_U = sum_C[units.class_U] - sum_U + change_U
    with np.errstate(invalid="ignore", divide="ignore"):
        without_U = left_U / rest_U
    deletion_U = share_U * (mean_U - without_U)
    return np.where(share_U > 0, deletion_U, 0.0)


def influence_of(
    design: OpenDesign, parts: Measured, mean: float, shots: int, *, is_ever_wrong: bool
) -> Influence:
    """The variance of a mean over units and episodes, by the delete-one jackknife.

        V = sum_c (n_c - 1) / n_c * sum_u (d_u - mean d)^2 + Var(value) / T

    (Efron and Stein 1981, Ann. Stat. 9). The square of d_u is the mean over pairs of parts of the
    episodes of the product of their estimates: what drawing few episodes adds to one of them is
    independent of the other. What a group of several classes does to each is added first.

    parts: the value, or a linear form of several, whose mean is `mean` to first order. A class
    needs `shots` + 2 units if it has references.
    """
    units = design.units
    unknown = _unknown(design, parts, shots)
    episodes = len(design)
    effective = design.effective_units
    if unknown:
        nan = math.nan
        return Influence(mean, nan, nan, nan, effective, is_ever_wrong, unknown)
    is_used_U = design.is_used_U
    sizes_C = np.maximum(design.sizes_C, 1)
    sizes_U = sizes_C[units.class_U]
    scaled = []
    for deletion_U in parts.deletion_BU:
        kept_U = np.where(is_used_U, deletion_U, 0.0)
        mean_C = np.bincount(units.class_U, kept_U, design.classes) / sizes_C
        centred_U = np.where(is_used_U, kept_U - mean_C[units.class_U], 0.0)
        scaled.append(centred_U * np.sqrt((sizes_U - 1) / sizes_U))
    scaled_BU = np.stack(scaled)
    of_groups = [np.bincount(units.group_U, values_U) for values_U in scaled_BU]
    variance_units = max(0.0, _between_parts(np.stack(of_groups)))
    variance_episodes = float(parts.value_T.var(ddof=1)) / episodes
    raw_C = np.bincount(units.class_U, np.square(scaled_BU.mean(0)), design.classes)
    squares = float((np.square(raw_C) / np.maximum(sizes_C - 1, 1)).sum())
    # so that there are at least two degrees of freedom
    most_squares = (variance_units + variance_episodes) ** 2 / 2
    return Influence(
        mean=mean,
        variance_units=variance_units,
        variance_episodes=variance_episodes,
        squares=min(squares, most_squares),
        units=effective,
        is_ever_wrong=is_ever_wrong,
    )


def _between_parts(values_BG: Floats) -> float:
    """The sum over G of the mean product of two different parts."""
    parts = len(values_BG)
    of_pairs = np.square(values_BG.sum(0)) - np.square(values_BG).sum(0)
    return float(of_pairs.sum()) / (parts * (parts - 1))


def _unknown(design: OpenDesign, parts: Measured, shots: int) -> Unknown:
    """Why there is no variance, or empty."""
    if len(design) < 2:
        return "one episode"
    is_way_C = np.zeros(design.classes, dtype=bool)
    is_way_C[np.unique(design.classes_TN)] = True
    # other classes count only where they change the value
    is_changed_U = (parts.deletion_BU != 0).any(0) & design.is_used_U
    is_changed_C = np.bincount(design.units.class_U[is_changed_U], minlength=design.classes) > 0
    needed_C = np.where(is_way_C, shots + 2, np.where(is_changed_C, 2, 0))
    if (design.sizes_C < needed_C).any():
        return "too few images"
    if np.isnan(parts.deletion_BU[:, design.is_used_U]).any():
        return "too few drawn"
    return ""
