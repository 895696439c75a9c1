"""What another data set would draw anew: units, and the samples that episodes are drawn from.

Shapes: T episodes, C test classes, K shots, M test images, U units; P = 2C samples: the references
of each class, then its queries where these are a sample of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Floats", "Ints", "Samples", "Units"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

LEAST_OF_CHANCE = 0.5  # fewer units than this share have both roles: their roles are fixed


@dataclass(frozen=True, eq=False)
class Units:
    """What another data set would draw anew: images, or groups of images of one class.

    of_M: the unit of each image; class_U: its class; group_U: its group, which may hold units of
    several classes; images_U: its number of images.
    """

    of_M: Ints
    class_U: Ints
    group_U: Ints
    images_U: Ints

    @classmethod
    def of(cls, labels_M: Ints, groups_M: Ints | None) -> Units:
        """Of images with these classes; each is a unit if they have no groups."""
        images = np.arange(len(labels_M))
        if groups_M is None:
            return cls(images, labels_M, images, np.ones_like(images))
        pairs = np.stack([labels_M, groups_M])
        distinct, of_M, images_U = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
        return cls(of_M.ravel(), distinct[0], distinct[1], images_U)


class Samples:
    """The samples of units that the episodes are drawn from, and how a finite size weighs in them.

    The references and queries of a class are one sample, unless far fewer of its units are both
    than would be by chance, as in a file of episodes with fixed roles: then they are two.

    supports_U, queries_U: how often images of each unit are a reference, a query; episodes_C: how
    many episodes hold each class.

    is_support_U, is_query_U: units that were a reference, a query; is_asked_C: classes that an
    episode holds; is_apart_C: classes of two samples. Arrays of shape (2, U) have a row for each
    sample of a class, the second for queries that are a sample of their own.
    """

    def __init__(
        self, units: Units, shots: int, supports_U: Ints, queries_U: Ints, episodes_C: Ints
    ) -> None:
        self._units = units
        self._class_U = units.class_U
        self._classes = len(episodes_C)
        self._shots = shots
        self.is_support_U = supports_U > 0
        self.is_query_U = queries_U > 0
        self.is_asked_C = episodes_C > 0
        self._used_C = self.by_class(self.is_support_U | self.is_query_U)
        uses = (self.by_class(supports_U), self.by_class(queries_U))
        self.is_apart_C = self._are_apart(*uses)

    def _are_apart(self, supports_C: Floats, queries_C: Floats) -> Bools:
        """Classes in which less than half as many units have both roles as by chance."""
        both_C = self.by_class(self.is_support_U & self.is_query_U)
        used_C = np.maximum(self._used_C, 1)
        # the share of units that so many uses reach by chance
        share_C = np.expm1(-supports_C / used_C) * np.expm1(-queries_C / used_C)
        expected_C = used_C * share_C
        is_apart_C: Bools = self.is_asked_C & (both_C < LEAST_OF_CHANCE * expected_C)
        return is_apart_C

    def by_class(self, values_U: npt.NDArray[Any]) -> Floats:
        """Sums over the units of each class."""
        weights_U = values_U.astype(np.float64)
        sums_C = np.bincount(self._class_U, weights_U, self._classes)
        return sums_C.astype(np.float64)

    def by_sample(self, values_2U: npt.NDArray[Any]) -> Floats:
        """Sums over the units of each sample, (P,)."""
        sums = [self.by_class(values_U) for values_U in values_2U]
        return np.concatenate(sums)

    def of_units(self, values_P: Floats) -> Floats:
        """The value of the samples of each unit, (2, U)."""
        by_row = values_P.reshape(2, -1)
        return np.asarray(by_row[:, self._class_U])

    @cached_property
    def references_C(self) -> Floats:
        """Number of units that references are drawn from."""
        return np.where(self.is_apart_C, self.by_class(self.is_support_U), self._used_C)

    @cached_property
    def queries_C(self) -> Floats:
        """Number of units that queries are drawn from."""
        return np.where(self.is_apart_C, self.by_class(self.is_query_U), self._used_C)

    @cached_property
    def sizes_P(self) -> Floats:
        """Number of units of each sample."""
        return np.concatenate([self.references_C, self.queries_C])

    @cached_property
    def is_seen_2U(self) -> Bools:
        """Units that were seen in every role of each of their samples."""
        is_apart_U = self.is_apart_C[self._class_U]
        in_both_roles_U = self.is_support_U & self.is_query_U
        if self._shots == 0:
            in_both_roles_U = self.is_query_U  # there is one role
        first_U = np.where(is_apart_U, self.is_support_U, in_both_roles_U)
        return np.stack([first_U, is_apart_U & self.is_query_U])

    @property
    def too_small(self) -> list[int]:
        """Classes with too few units for an interval, however many episodes: fewer than K + 2."""
        units_C = np.bincount(self._class_U, minlength=self._classes)
        return np.flatnonzero((units_C < self._shots + 2) & self.is_asked_C).tolist()

    @property
    def too_few_references(self) -> list[int]:
        """Classes of which the episodes have fewer than K + 2 different references."""
        return np.flatnonzero((self.references_C < self._shots + 2) & self.is_asked_C).tolist()

    @property
    def too_few_queries(self) -> list[int]:
        """Classes of which the episodes have a single query, time and again."""
        return np.flatnonzero((self.queries_C < 2) & self.is_asked_C).tolist()

    @property
    def on_safe_side(self) -> list[int]:
        """Classes of fewer than 2 (K + 1) units: their interval is wider than it need be."""
        is_small_C = self.references_C < 2 * (self._shots + 1)
        return np.flatnonzero(is_small_C & self.is_asked_C).tolist()

    @cached_property
    def effective_units(self) -> float:
        """How many independent units of equal weight say as much; see `effective_number`."""
        weights_C = self.is_asked_C / self.is_asked_C.sum()
        return self.effective_number(weights_C, self.is_query_U, self.queries_C)

    def effective_number(self, weights_C: Floats, is_counted_U: Bools, sizes_C: Floats) -> float:
        """1 / sum_g (sum of w_c / n_c over the units of group g)^2 (Kish 1965, Survey Sampling).

        Without groups of several classes, and with equal weights: C^2 / sum_c 1/n_c.
        """
        weight_C = weights_C / np.maximum(sizes_C, 1)
        weight_U = weight_C[self._class_U] * is_counted_U
        sums_G = np.bincount(self._units.group_U, weight_U)
        total = float(weight_U.sum())
        return total**2 / float(np.square(sums_G).sum())

    @cached_property
    def rest_weight_C(self) -> Floats:
        """(n - 1) / (n - K): of a reference on the recall of the other classes."""
        # below 1 only in classes that are not asked, or too small
        others_C = np.maximum(self.references_C - self._shots, 1)
        weight_C: Floats = (self.references_C - 1) / others_C
        return weight_C

    @cached_property
    def own_weight_C(self) -> Floats:
        """(n - 1) / (n - K - 1): of a reference on the recall of its own class."""
        others_C = np.maximum(self.references_C - self._shots - 1, 1)
        together_C = (self.references_C - 1) / others_C
        return np.where(self.is_apart_C, self.rest_weight_C, together_C)

    @cached_property
    def query_weight_C(self) -> Floats:
        """(n - 1) / (n - K - 1): of a query on the recall of its class."""
        return np.where(self.is_apart_C, 1.0, self.own_weight_C)
