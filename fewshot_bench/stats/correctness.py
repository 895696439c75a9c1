"""What was asked and what was answered rightly, summed by image: what intervals are made from.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, S training seeds, A queries that were
asked, image after image. Images are positions in [0, M); a query position below 0 is padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Correctness", "Design", "Moments", "apart"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

ENOUGH_EPISODES = 2000
ENOUGH_APPEARANCES = 5  # of an image in support, on average
EPISODES_LOOKED_AT = 256  # at once, for the next that shares no image with those before


@dataclass(frozen=True, eq=False)
class Design:
    """What was asked: classes (T, N), support (T, N, K) and query (T, N, Q) images, and the class of each image (M,)."""

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    labels_M: Ints

    @cached_property
    def is_query_TNQ(self) -> Bools:
        """True where there is a query."""
        return np.asarray(self.query_TNQ >= 0)

    @cached_property
    def queries_TN(self) -> Ints:
        """Queries of each class of an episode."""
        return np.asarray(self.is_query_TNQ.sum(2))

    @cached_property
    def holds_TC(self) -> Bools:
        """Which episodes hold which classes."""
        holds = np.zeros((len(self.classes_TN), int(self.labels_M.max()) + 1), dtype=bool)
        np.put_along_axis(holds, self.classes_TN, True, axis=1)
        return holds

    @cached_property
    def queries_M(self) -> Ints:
        """How often each image is a query."""
        return np.bincount(self.query_TNQ.ravel() + 1, minlength=len(self.labels_M) + 1)[
            1:
        ]  # the first is padding

    @cached_property
    def supports_M(self) -> Ints:
        """How often each image is support."""
        return np.bincount(self.support_TNK.ravel(), minlength=len(self.labels_M))

    @cached_property
    def places_A(self) -> Ints:
        """Places of the queries in the flat (T, N, Q), image after image."""
        images = self.query_TNQ.ravel().astype(
            np.min_scalar_type(len(self.labels_M))
        )  # two bytes sort fast; padding last
        return np.asarray(np.argsort(images, kind="stable")[: int(self.queries_M.sum())])

    def by_image(self, values_A: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Sums of whole numbers, one a query in the order of `places_A`, over the queries of each image, (M,)."""
        asked = np.flatnonzero(self.queries_M)
        sums = np.zeros(len(self.labels_M), dtype=np.int64)
        starts = np.cumsum(self.queries_M[asked]) - self.queries_M[asked]
        sums[asked] = np.add.reduceat(values_A, starts, dtype=np.int64)
        return sums

    @cached_property
    def disjoint(self) -> list[int]:
        """The episodes that come first and share no image with those chosen before."""
        free = np.ones(len(self.labels_M) + 1, dtype=bool)  # the last is where padding points to
        chosen, at = [], 0
        while at < len(self.classes_TN):
            part = slice(at, at + EPISODES_LOOKED_AT)
            fits = free[self.support_TNK[part]].all((1, 2)) & free[self.query_TNQ[part]].all((1, 2))
            if not fits.any():
                at = part.stop
                continue
            at += int(fits.argmax())
            free[self.support_TNK[at]] = free[self.query_TNQ[at]] = False
            free[-1] = True
            chosen.append(at)
        return chosen

    def first(self, episodes: int) -> Design:
        """The design of the first so many episodes."""
        if episodes == len(self.classes_TN):
            return self
        part = slice(0, episodes)
        return Design(
            self.classes_TN[part], self.support_TNK[part], self.query_TNQ[part], self.labels_M
        )

    def episodes_needed(self) -> int:
        """Episodes that an influence interval needs, if there are fewer, else 0."""
        shots = self.support_TNK.shape[2]
        share_C, size_C = self.holds_TC.mean(0), np.bincount(self.labels_M)
        with np.errstate(divide="ignore"):
            each_C = np.ceil(ENOUGH_APPEARANCES * size_C / (shots * share_C))
        needed = max(ENOUGH_EPISODES, int(each_C[share_C > 0].max()))
        return needed if len(self.classes_TN) < needed else 0


@dataclass(frozen=True, eq=False)
class Moments:
    """A correctness, or the difference of two: its mean in each episode, its sum and sum of squares over the queries of
    each image, and which images it was ever short of (a difference: ever other than 0).
    """

    accuracy_T: Floats
    sum_M: Floats
    square_M: Floats
    wrong_M: Bools


@dataclass(frozen=True, eq=False)
class Correctness:
    """What one baseline answered rightly: for each of its S training seeds True or False, (T, N, Q), at padding either."""

    design: Design
    right_STNQ: Sequence[Bools]

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.right_STNQ)

    @cached_property
    def recall_STN(self) -> Floats:
        """Recall of each class of each episode by seed."""
        asked = self.design
        return np.array(
            [(right & asked.is_query_TNQ).sum(2) / asked.queries_TN for right in self.right_STNQ]
        )

    @cached_property
    def accuracy_ST(self) -> Floats:
        """Accuracy of each episode by seed: the mean of its class recalls, so that numbers of queries do not matter."""
        return np.asarray(self.recall_STN.mean(2))

    @cached_property
    def count_A(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """How many seeds answered each query rightly; in a type that holds the square of it."""
        total = np.zeros(len(self.design.places_A), dtype=np.min_scalar_type(self.seeds**2))
        for right in self.right_STNQ:
            total += right.ravel()[self.design.places_A]
        return total

    @cached_property
    def count_M(self) -> npt.NDArray[np.int64]:
        """Their sum over the queries of each image."""
        return self.design.by_image(self.count_A)

    @cached_property
    def square_M(self) -> npt.NDArray[np.int64]:
        """The sum of their squares over the queries of each image."""
        return self.count_M if self.seeds == 1 else self.design.by_image(np.square(self.count_A))

    @cached_property
    def moments(self) -> Moments:
        """Of the mean over seeds."""
        seeds, short = self.seeds, self.count_M < self.seeds * self.design.queries_M
        return Moments(
            self.accuracy_ST.mean(0), self.count_M / seeds, self.square_M / seeds**2, short
        )


def apart(first: Correctness, second: Correctness) -> Moments:
    """Of the difference of two baselines' means over seeds, on the same design."""
    a, b = first.seeds, second.seeds
    product_M = first.design.by_image(first.count_A * second.count_A)
    square_M = b**2 * first.square_M + a**2 * second.square_M - 2 * a * b * product_M
    accuracy_T = first.accuracy_ST.mean(0) - second.accuracy_ST.mean(0)
    return Moments(
        accuracy_T, first.count_M / a - second.count_M / b, square_M / (a * b) ** 2, square_M > 0
    )
