"""Which images the episodes hold, and what another data set would draw anew.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, U units, A
all queries of all episodes without padding, sorted by unit; P = 2C samples: the references of each
class, then its queries where these are a sample of their own. Images are positions in [0, M). A
query position below 0 is padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Design", "Floats", "Ints", "Samples", "Units"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

LEAST_OF_CHANCE = 0.5  # fewer units than this share have both roles: their roles are fixed
SEARCH_BLOCK = 256  # episodes tested at once in the search for disjoint episodes


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

    is_support_U, is_query_U: units that were a reference, a query; is_asked_C: classes that an
    episode holds; is_apart_C: classes of two samples. Arrays of shape (2, U) have a row for each
    sample of a class, the second for queries that are a sample of their own.
    """

    def __init__(self, design: Design) -> None:
        self._units = design.units
        self._class_U = design.units.class_U
        self._classes = design.classes
        self._shots = design.support_TNK.shape[2]
        self.is_support_U = design.supports_U > 0
        self.is_query_U = design.queries_U > 0
        self.is_asked_C = design.episodes_C > 0
        self._used_C = self.by_class(self.is_support_U | self.is_query_U)
        uses = (self.by_class(design.supports_U), self.by_class(design.queries_U))
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


@dataclass(frozen=True, eq=False)
class Design:
    """The images and classes of all episodes.

    classes_TN: classes of each episode; support_TNK and query_TNQ: images; labels_M: the class of
    each image; groups_M: the part, plate or wafer that each image is of, None: no two images share
    one.
    """

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    labels_M: Ints
    groups_M: Ints | None = None

    @cached_property
    def classes(self) -> int:
        """Number of test classes, C."""
        return int(self.labels_M.max()) + 1

    @cached_property
    def units(self) -> Units:
        """What the intervals are over."""
        return Units.of(self.labels_M, self.groups_M)

    @cached_property
    def samples(self) -> Samples:
        """The samples of units that the episodes are drawn from."""
        return Samples(self)

    @cached_property
    def is_query_TNQ(self) -> Bools:
        """True for a query, False for padding."""
        is_query_TNQ: Bools = self.query_TNQ >= 0
        return is_query_TNQ

    @cached_property
    def queries_TN(self) -> Ints:
        """Number of queries of each class of an episode."""
        queries_TN: Ints = self.is_query_TNQ.sum(2)
        return queries_TN

    @cached_property
    def episodes_C(self) -> Ints:
        """Number of episodes that hold each class."""
        return np.bincount(self.classes_TN.ravel(), minlength=self.classes)

    @cached_property
    def support_units_TNK(self) -> Ints:
        """The units of the support images."""
        return self.units.of_M[self.support_TNK]

    @cached_property
    def query_units_TNQ(self) -> Ints:
        """The units of the queries; -1 where there is padding."""
        units_M1 = np.append(self.units.of_M, -1)
        return units_M1[self.query_TNQ]

    @cached_property
    def queries_U(self) -> Ints:
        """How often images of each unit are a query."""
        # bincount takes no negative numbers: shift by one, so that padding (-1) is counted first.
        shifted = self.query_units_TNQ.ravel() + 1
        bins = len(self.units.class_U) + 1
        counts = np.bincount(shifted, minlength=bins)
        return counts[1:]

    @cached_property
    def supports_U(self) -> Ints:
        """How often images of each unit are in a support set."""
        units = len(self.units.class_U)
        return np.bincount(self.support_units_TNK.ravel(), minlength=units)

    @cached_property
    def query_order_A(self) -> Ints:
        """Positions of the queries in the flattened (T, N, Q) array, sorted by unit."""
        # Two bytes sort fast. Unsigned, -1 becomes the largest number, so padding comes last.
        small_type = np.min_scalar_type(len(self.labels_M))
        units = self.query_units_TNQ.ravel().astype(small_type)
        order: Ints = np.argsort(units, kind="stable")
        queries = self.queries_U.sum()
        return order[:queries]

    def sum_by_unit(self, values_A: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Sum over the queries of each unit, (U,).

        values_A: a whole number for each query, in the order of `query_order_A`.
        """
        used = np.flatnonzero(self.queries_U)
        counts = self.queries_U[used]
        starts = np.cumsum(counts) - counts
        sums = np.add.reduceat(values_A, starts, dtype=np.int64)
        sums_U = np.zeros(len(self.queries_U), dtype=np.int64)
        sums_U[used] = sums
        return sums_U

    @cached_property
    def disjoint_episodes(self) -> list[int]:
        """Episodes that share no image with each other.

        Episodes are tried in their order. One is taken if it shares no image with those taken
        before.
        """
        # Padding (-1) reads the last, additional entry, which is always free.
        is_free = np.ones(len(self.labels_M) + 1, dtype=bool)
        chosen = []
        start = 0
        while start < len(self.classes_TN):
            block = slice(start, start + SEARCH_BLOCK)
            support_is_free_T = is_free[self.support_TNK[block]].all((1, 2))
            query_is_free_T = is_free[self.query_TNQ[block]].all((1, 2))
            is_disjoint_T = support_is_free_T & query_is_free_T
            if not is_disjoint_T.any():
                start = block.stop
                continue
            episode = start + int(is_disjoint_T.argmax())
            chosen.append(episode)
            is_free[self.support_TNK[episode]] = False
            is_free[self.query_TNQ[episode]] = False
            is_free[-1] = True
            start = episode + 1
        return chosen

    def first(self, episodes: int) -> Design:
        """The design of the first `episodes` episodes."""
        if episodes == len(self.classes_TN):
            return self
        return Design(
            self.classes_TN[:episodes],
            self.support_TNK[:episodes],
            self.query_TNQ[:episodes],
            self.labels_M,
            self.groups_M,
        )
