"""Which queries were answered correctly, summed by episode and by unit.

A unit is what another data set would draw anew: an image, or a group of images of one class.

All intervals are computed from these sums.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, S training
seeds, U units, A all queries of all episodes without padding, sorted by unit. Images are positions
in [0, M). A query position below 0 is padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.design import Design

__all__ = ["Correctness", "Moments", "difference_moments", "mean_by_unit"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of the correctness of one baseline, or of the difference in correctness of two.

    recall_TN: its mean over the queries of each class of an episode; sum_U and square_U: its sum
    and its sum of squares over the queries of each unit; wrong_U: True for units that were
    answered wrongly at least once (of a difference: by the two baselines differently).
    """

    recall_TN: Floats
    sum_U: Floats
    square_U: Floats
    wrong_U: Bools

    @cached_property
    def accuracy_T(self) -> Floats:
        """The mean in each episode."""
        accuracy_T: Floats = self.recall_TN.mean(1)
        return accuracy_T


@dataclass(frozen=True, eq=False)
class Correctness:
    """Which queries one baseline answered correctly.

    right_STNQ: for each of its S training seeds an array (T, N, Q) of True and False. Values at
    padding are ignored.
    """

    design: Design
    right_STNQ: Sequence[Bools]

    @property
    def seeds(self) -> int:
        """Number of training seeds, S."""
        return len(self.right_STNQ)

    @cached_property
    def recall_STN(self) -> Floats:
        """Recall of each class of each episode, by seed."""
        recalls = []
        for right_TNQ in self.right_STNQ:
            right_query_TNQ = right_TNQ & self.design.is_query_TNQ
            recalls.append(right_query_TNQ.sum(2) / self.design.queries_TN)
        return np.array(recalls)

    @cached_property
    def accuracy_ST(self) -> Floats:
        """Accuracy of each episode by seed: the mean of its class recalls.

        Each class counts the same, whatever its number of queries.
        """
        accuracy_ST: Floats = self.recall_STN.mean(2)
        return accuracy_ST

    @cached_property
    def count_A(self) -> npt.NDArray[np.unsignedinteger[Any]]:
        """Number of seeds that answered each query correctly."""
        # The smallest type that holds the square of the number as well.
        small_type = np.min_scalar_type(self.seeds**2)
        order_A = self.design.query_order_A
        count_A = np.zeros(len(order_A), dtype=small_type)
        for right_TNQ in self.right_STNQ:
            count_A += right_TNQ.ravel()[order_A]
        return count_A

    @cached_property
    def count_U(self) -> npt.NDArray[np.int64]:
        """Sum of `count_A` over the queries of each unit."""
        return self.design.sum_by_unit(self.count_A)

    @cached_property
    def square_U(self) -> npt.NDArray[np.int64]:
        """Sum of the squares of `count_A` over the queries of each unit."""
        if self.seeds == 1:
            return self.count_U
        return self.design.sum_by_unit(np.square(self.count_A))

    @cached_property
    def moments(self) -> Moments:
        """Moments of the correctness, averaged over seeds."""
        return Moments(
            recall_TN=self.recall_STN.mean(0),
            sum_U=self.count_U / self.seeds,
            square_U=self.square_U / self.seeds**2,
            wrong_U=self.count_U < self.seeds * self.design.queries_U,
        )


def difference_moments(first: Correctness, second: Correctness) -> Moments:
    """Moments of the difference in correctness, first minus second, each averaged over its seeds.

    Both have the same design.
    """
    # Whole numbers up to the last step: with a and b seeds that answered correctly out of A and B,
    # (a/A - b/B)^2 = (B^2*a^2 + A^2*b^2 - 2*A*B*a*b) / (A*B)^2.
    first_seeds = first.seeds
    second_seeds = second.seeds
    product_U = first.design.sum_by_unit(first.count_A * second.count_A)
    squares_U = second_seeds**2 * first.square_U + first_seeds**2 * second.square_U
    square_U = squares_U - 2 * first_seeds * second_seeds * product_U
    return Moments(
        recall_TN=first.moments.recall_TN - second.moments.recall_TN,
        sum_U=first.count_U / first_seeds - second.count_U / second_seeds,
        square_U=square_U / (first_seeds * second_seeds) ** 2,
        wrong_U=square_U > 0,
    )


def mean_by_unit(design: Design, moments: Moments) -> Floats:
    """Mean correctness, or mean difference, over the queries of each unit, (U,).

    0 for units that are never a query.
    """
    divisor_U = np.maximum(design.queries_U, 1)
    mean_U: Floats = moments.sum_U / divisor_U
    return mean_U
