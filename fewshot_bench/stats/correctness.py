"""Which queries were answered correctly, summed by episode and by unit.

A unit is what another data set would draw anew: an image, or a group of images of one class.

All intervals are computed from these sums. They are made in one walk over the episodes, of which a
part is in memory at a time.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, S training
seeds, U units. Images are positions in [0, M).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.design import AnyDesign, Part

__all__ = ["Correctness", "Moments", "PackedBits", "Recalls", "difference_moments", "mean_by_unit"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer[Any]]

EPISODES = 16_384  # whose recalls are made at once


class Recalls:
    """Means over the queries of each class of each episode, (T, N), made for those asked for.

    of_rows: the means of some episodes.
    """

    def __init__(self, of_rows: Callable[[slice], Floats], episodes: int) -> None:
        self._of_rows = of_rows
        self._episodes = episodes
        self._last: tuple[slice, Floats] | None = None

    def __getitem__(self, rows: slice) -> Floats:
        # episodes that are all held are always asked for together
        if self._last is None or self._last[0] != rows:
            self._last = (rows, self._of_rows(rows))
        return self._last[1]

    def mean_by_episode(self) -> Floats:
        """The mean over the classes of each episode, (T,)."""
        means_T = np.empty(self._episodes)
        for start in range(0, self._episodes, EPISODES):
            rows = slice(start, start + EPISODES)
            means_T[rows] = self._of_rows(rows).mean(1)
        return means_T


class Right(Protocol):
    """Which queries were answered correctly, (T, N, Q); values at padding are ignored."""

    def __getitem__(self, rows: slice, /) -> Bools:
        """Of some episodes."""

    @property
    def nbytes(self) -> int:
        """How much memory they take."""


class PackedBits:
    """An array (T, N, Q) of True and False, kept in one bit each."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        episodes, ways, queries = shape
        self._of_episode = (ways, queries)
        self._bits = np.empty((episodes, -(-ways * queries // 8)), dtype=np.uint8)

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self._bits.nbytes

    def __setitem__(self, rows: slice, values_TNQ: Bools) -> None:
        self._bits[rows] = np.packbits(values_TNQ.reshape(len(values_TNQ), -1), axis=1)

    def __getitem__(self, rows: slice) -> Bools:
        ways, queries = self._of_episode
        values = np.unpackbits(self._bits[rows], axis=1, count=ways * queries)
        return values.reshape(-1, ways, queries).view(np.bool_)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of the correctness of one baseline, or of the difference in correctness of two.

    recall_TN: its mean over the queries of each class of an episode; sum_U and square_U: its sum
    and its sum of squares over the queries of each unit; wrong_U: True for units that were
    answered wrongly at least once (of a difference: by the two baselines differently).
    """

    recall_TN: Recalls
    sum_U: Floats
    square_U: Floats
    wrong_U: Bools

    @property
    def accuracy_T(self) -> Floats:
        """The mean in each episode."""
        return self.recall_TN.mean_by_episode()


@dataclass(frozen=True, eq=False)
class _Sums:
    """What one walk adds up. right_STN: right answers to each class of each episode; count_U,
    square_U: sums over the queries of each unit of the number of seeds that were right, and of its
    square."""

    right_STN: Sequence[Ints]
    count_U: npt.NDArray[np.int64]
    square_U: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Correctness:
    """Which queries one baseline answered correctly.

    right_STNQ: for each of its S training seeds an array (T, N, Q) of True and False, of which
    slices are taken.
    """

    design: AnyDesign
    right_STNQ: Sequence[Right]

    @property
    def seeds(self) -> int:
        """Number of training seeds, S."""
        return len(self.right_STNQ)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes, without the design."""
        of_answers = sum(right_TNQ.nbytes for right_TNQ in self.right_STNQ)
        return of_answers + self.seeds * self.design.queries_TN.nbytes

    @cached_property
    def _sums(self) -> _Sums:
        design = self.design
        count_U = np.zeros(len(design.units.class_U), dtype=np.int64)
        square_U = np.zeros_like(count_U)
        small_type = design.queries_TN.dtype
        right_STN = [np.empty(design.classes_TN.shape, small_type) for _ in self.right_STNQ]
        for part in design.parts():
            for right_TNQ, right_TN in zip(self.right_STNQ, right_STN, strict=True):
                right_query_TNQ = right_TNQ[part.rows] & part.is_query_TNQ
                right_TN[part.rows] = right_query_TNQ.sum(2)
            count_TNQ = self.count_TNQ(part)
            count_U += part.sum_by_unit(count_TNQ)
            if self.seeds > 1:
                square_U += part.sum_by_unit(np.square(count_TNQ))
        return _Sums(right_STN, count_U, square_U if self.seeds > 1 else count_U)

    def count_TNQ(self, part: Part) -> npt.NDArray[np.unsignedinteger[Any]]:
        """Number of seeds that answered each query of some episodes correctly."""
        # The smallest type that holds the square of the number as well.
        small_type = np.min_scalar_type(self.seeds**2)
        count_TNQ = np.zeros(part.query_TNQ.shape, dtype=small_type)
        for right_TNQ in self.right_STNQ:
            count_TNQ += right_TNQ[part.rows]
        return count_TNQ

    @property
    def recall_STN(self) -> Floats:
        """Recall of each class of each episode, by seed."""
        return _recall_STN(self._sums.right_STN, self.design.queries_TN, slice(None))

    @property
    def accuracy_ST(self) -> Floats:
        """Accuracy of each episode by seed: the mean of its class recalls.

        Each class counts the same, whatever its number of queries.
        """
        of_seeds = []
        for right_TN in self._sums.right_STN:
            of_seeds.append(_mean_recalls([right_TN], self.design.queries_TN).mean_by_episode())
        return np.array(of_seeds)

    @cached_property
    def accuracy_S(self) -> Floats:
        """The mean accuracy of each seed."""
        return np.asarray(self.accuracy_ST.mean(1))

    @property
    def count_U(self) -> npt.NDArray[np.int64]:
        """Sum over the queries of each unit of the number of seeds that were right."""
        return self._sums.count_U

    @property
    def square_U(self) -> npt.NDArray[np.int64]:
        """Sum of the squares of that number over the queries of each unit."""
        return self._sums.square_U

    @cached_property
    def moments(self) -> Moments:
        """Moments of the correctness, averaged over seeds."""
        return Moments(
            recall_TN=_mean_recalls(self._sums.right_STN, self.design.queries_TN),
            sum_U=self.count_U / self.seeds,
            square_U=self.square_U / self.seeds**2,
            wrong_U=self.count_U < self.seeds * self.design.queries_U,
        )


def _recall_STN(right_STN: Sequence[Ints], queries_TN: Ints, rows: slice) -> Floats:
    """Recall of each class of some episodes, by seed."""
    return np.array([right_TN[rows] / queries_TN[rows] for right_TN in right_STN])


def _mean_recalls(right_STN: Sequence[Ints], queries_TN: Ints) -> Recalls:
    """The mean of the recalls over seeds.

    It must not hold what holds it: such a circle stays in memory for long.
    """
    return Recalls(lambda rows: _recall_STN(right_STN, queries_TN, rows).mean(0), len(queries_TN))


def difference_moments(first: Correctness, second: Correctness) -> Moments:
    """Moments of the difference in correctness, first minus second, each averaged over its seeds.

    Both have the same design.
    """
    # Whole numbers up to the last step: with a and b seeds that answered correctly out of A and B,
    # (a/A - b/B)^2 = (B^2*a^2 + A^2*b^2 - 2*A*B*a*b) / (A*B)^2.
    first_seeds = first.seeds
    second_seeds = second.seeds
    design = first.design
    product_U = np.zeros(len(design.units.class_U), dtype=np.int64)
    for part in design.parts():
        product_U += part.sum_by_unit(first.count_TNQ(part) * second.count_TNQ(part))
    squares_U = second_seeds**2 * first.square_U + first_seeds**2 * second.square_U
    square_U = squares_U - 2 * first_seeds * second_seeds * product_U
    first_recalls = first.moments.recall_TN
    second_recalls = second.moments.recall_TN
    recalls = Recalls(lambda rows: first_recalls[rows] - second_recalls[rows], len(design))
    return Moments(
        recall_TN=recalls,
        sum_U=first.count_U / first_seeds - second.count_U / second_seeds,
        square_U=square_U / (first_seeds * second_seeds) ** 2,
        wrong_U=square_U > 0,
    )


def mean_by_unit(design: AnyDesign, moments: Moments) -> Floats:
    """Mean correctness, or mean difference, over the queries of each unit, (U,).

    0 for units that are never a query.
    """
    divisor_U = np.maximum(design.queries_U, 1)
    mean_U: Floats = moments.sum_U / divisor_U
    return mean_U
