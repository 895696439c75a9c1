"""Which queries were answered correctly, summed by episode and by test image.

All intervals are computed from these sums.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, S training
seeds, A all queries of all episodes without padding, sorted by image. Images are positions in
[0, M). A query position below 0 is padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Correctness", "Design", "Moments", "difference_moments", "mean_by_image"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

MIN_EPISODES = 2000
MIN_SUPPORT_USES = 5  # how often an image should be in a support set, on average
SEARCH_BLOCK = 256  # episodes tested at once in the search for disjoint episodes


@dataclass(frozen=True, eq=False)
class Design:
    """The images and classes of all episodes.

    classes_TN: classes of each episode; support_TNK and query_TNQ: images; labels_M: the class of
    each image; groups_M: the group (part, plate, wafer, coil) of each image, None without groups.
    """

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    labels_M: Ints
    groups_M: Ints | None = None

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
    def has_class_TC(self) -> Bools:
        """True where an episode contains a class."""
        episodes = len(self.classes_TN)
        classes = int(self.labels_M.max()) + 1
        has_class_TC = np.zeros((episodes, classes), dtype=bool)
        np.put_along_axis(has_class_TC, self.classes_TN, True, axis=1)
        return has_class_TC

    @cached_property
    def queries_M(self) -> Ints:
        """How often each image is a query."""
        # bincount takes no negative numbers: shift by one, so that padding (-1) is counted first.
        shifted = self.query_TNQ.ravel() + 1
        bins = len(self.labels_M) + 1
        counts = np.bincount(shifted, minlength=bins)
        return counts[1:]

    @cached_property
    def supports_M(self) -> Ints:
        """How often each image is in a support set."""
        images = len(self.labels_M)
        support = self.support_TNK.ravel()
        return np.bincount(support, minlength=images)

    @cached_property
    def query_order_A(self) -> Ints:
        """Positions of the queries in the flattened (T, N, Q) array, sorted by image."""
        # Two bytes sort fast. Unsigned, -1 becomes the largest number, so padding comes last.
        small_type = np.min_scalar_type(len(self.labels_M))
        images = self.query_TNQ.ravel().astype(small_type)
        order: Ints = np.argsort(images, kind="stable")
        queries = self.queries_M.sum()
        return order[:queries]

    def sum_by_image(self, values_A: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Sum over the queries of each image, (M,).

        values_A: a whole number for each query, in the order of `query_order_A`.
        """
        used = np.flatnonzero(self.queries_M)
        counts = self.queries_M[used]
        starts = np.cumsum(counts) - counts
        sums = np.add.reduceat(values_A, starts, dtype=np.int64)
        sums_M = np.zeros(len(self.labels_M), dtype=np.int64)
        sums_M[used] = sums
        return sums_M

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

    def episodes_needed(self) -> int:
        """Number of episodes that an influence interval needs; 0 if there are enough.

        Needed are 2,000 episodes, and in each class 5 uses of an image in support sets on average.
        """
        shots = self.support_TNK.shape[2]
        share_C = self.has_class_TC.mean(0)
        size_C = np.bincount(self.labels_M)
        with np.errstate(divide="ignore"):  # a class that no episode contains has share 0
            needed_C = np.ceil(MIN_SUPPORT_USES * size_C / (shots * share_C))
        is_used_C = share_C > 0
        most_needed = int(needed_C[is_used_C].max())
        needed = max(MIN_EPISODES, most_needed)
        if len(self.classes_TN) >= needed:
            return 0
        return needed


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums of the correctness of one baseline, or of the difference in correctness of two.

    accuracy_T: its mean in each episode; sum_M and square_M: its sum and its sum of squares over
    the queries of each image; wrong_M: True for images that were answered wrongly at least once
    (of a difference: by the two baselines differently).
    """

    accuracy_T: Floats
    sum_M: Floats
    square_M: Floats
    wrong_M: Bools


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
    def count_M(self) -> npt.NDArray[np.int64]:
        """Sum of `count_A` over the queries of each image."""
        return self.design.sum_by_image(self.count_A)

    @cached_property
    def square_M(self) -> npt.NDArray[np.int64]:
        """Sum of the squares of `count_A` over the queries of each image."""
        if self.seeds == 1:
            return self.count_M
        return self.design.sum_by_image(np.square(self.count_A))

    @cached_property
    def moments(self) -> Moments:
        """Moments of the correctness, averaged over seeds."""
        return Moments(
            accuracy_T=self.accuracy_ST.mean(0),
            sum_M=self.count_M / self.seeds,
            square_M=self.square_M / self.seeds**2,
            wrong_M=self.count_M < self.seeds * self.design.queries_M,
        )


def difference_moments(first: Correctness, second: Correctness) -> Moments:
    """Moments of the difference in correctness, first minus second, each averaged over its seeds.

    Both have the same design.
    """
    # Whole numbers up to the last step: with a and b seeds that answered correctly out of A and B,
    # (a/A - b/B)^2 = (B^2*a^2 + A^2*b^2 - 2*A*B*a*b) / (A*B)^2.
    first_seeds = first.seeds
    second_seeds = second.seeds
    product_M = first.design.sum_by_image(first.count_A * second.count_A)
    squares_M = second_seeds**2 * first.square_M + first_seeds**2 * second.square_M
    square_M = squares_M - 2 * first_seeds * second_seeds * product_M
    return Moments(
        accuracy_T=first.accuracy_ST.mean(0) - second.accuracy_ST.mean(0),
        sum_M=first.count_M / first_seeds - second.count_M / second_seeds,
        square_M=square_M / (first_seeds * second_seeds) ** 2,
        wrong_M=square_M > 0,
    )


def mean_by_image(design: Design, moments: Moments) -> Floats:
    """Mean correctness, or mean difference, over the queries of each image, (M,).

    0 for images that are never a query.
    """
    divisor_M = np.maximum(design.queries_M, 1)
    mean_M: Floats = moments.sum_M / divisor_M
    return mean_M
