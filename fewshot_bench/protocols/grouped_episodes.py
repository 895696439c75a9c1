"""Episodes whose support and queries share no group of images.

Shapes: T episodes, C test classes, N ways, K shots, Q queries of each class, P images of the
largest class, J groups of the class with the most, G groups in all.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import (
    NO_QUERY,
    TABLE,
    Episodes,
    ImageGroups,
    Ints,
    Pool,
    Words,
    columns,
    first_of_shuffle,
    random_words,
    whole_steps,
)
from fewshot_bench.seeds import digest

__all__ = ["GroupedEpisodes", "check_groups", "fewest_queries"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GroupedEpisodes:
    """Episodes of a few-shot protocol over images with groups, drawn by counter.

    The support images of a class are of different groups: the groups are drawn, and then an image
    of each. A query is of a group that no support image of the episode is of, whatever its class.
    Queries are drawn from all such images of their class. Numbers come as in `DrawnEpisodes`.

    pool, ways, shots, queries, seed_key: as of `DrawnEpisodes`; groups: of the images of the pool.
    What the classes must have is checked by `check_groups`.
    """

    pool: Pool
    ways: int
    shots: int
    queries: int | None
    seed_key: str
    groups: ImageGroups

    @functools.cached_property
    def _key(self) -> str:
        numbers = (self.ways, self.shots, self.queries)
        return digest("groups", self.seed_key, self.pool, *numbers, self.groups)

    @functools.cached_property
    def _tables(self) -> _Tables:
        return _Tables.of(self.pool, self.groups)

    @property
    def words_per_episode(self) -> int:
        """64-bit words that an episode reads."""
        per_class = 1 + 2 * self.shots + (self.queries or 0)
        return whole_steps(self.ways * per_class)

    @functools.cached_property
    def most_queries(self) -> int:
        """Columns of the queries: their number, or the most images that can be left of a class."""
        if self.queries is not None:
            return self.queries
        left = []
        for sizes in _group_sizes(self.pool, self.groups):
            smallest = np.sort(sizes)[: self.shots]
            left.append(int(sizes.sum() - smallest.sum()))
        return max(left)

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        tables = self._tables
        episodes = stop - start
        classes = np.empty((episodes, self.ways), dtype=np.int32)
        support = np.empty((episodes, self.ways, self.shots), dtype=np.int32)
        query = np.empty((episodes, self.ways, self.most_queries), dtype=np.int32)
        per_episode = max(self.ways * tables.group_CP.shape[1], tables.groups)
        block = max(1, TABLE // per_episode)
        for rows, words in random_words(self._key, self.words_per_episode, start, stop, block):
            classes_TN, support_TNK, query_TNQ = self._drawn(words)
            classes[rows] = classes_TN
            support[rows] = support_TNK
            query[rows] = query_TNQ
        return Episodes(classes, support, query)

    def _drawn(self, words: Words) -> tuple[Ints, Ints, Ints]:
        """Classes, support and queries of episodes, from their words (T, W)."""
        tables = self._tables
        ways = self.ways
        shots = ways * self.shots
        ends = np.cumsum([ways, shots, shots, ways * (self.queries or 0)])
        of_classes, of_groups, of_images, of_queries, _ = np.split(words, ends, axis=1)
        class_counts = np.full(len(words), len(self.pool), dtype=np.int32)
        classes_TN = first_of_shuffle(of_classes, class_counts)
        position_TNK = self._support(classes_TN, of_groups, of_images)
        is_free_TNP = tables.is_free(classes_TN, position_TNK)
        first_TN1 = tables.first_C[classes_TN][:, :, None]
        if self.queries is None:
            query_TNQ = self._all_free(is_free_TNP, first_TN1)
        else:
            query_TNQ = first_TN1 + self._some_free(is_free_TNP, of_queries)
        return classes_TN, first_TN1 + position_TNK, query_TNQ

    def _support(self, classes_TN: Ints, of_groups: Words, of_images: Words) -> Ints:
        """Positions (T, N, K) within the classes: of different groups, an image of each."""
        tables = self._tables
        shape = (*classes_TN.shape, self.shots)
        group_counts = tables.groups_C[classes_TN].ravel()
        group_words = of_groups.reshape(classes_TN.size, self.shots)
        group_TNK = first_of_shuffle(group_words, group_counts).reshape(shape)
        class_TN1 = classes_TN[:, :, None]
        size_TNK = tables.size_CJ[class_TN1, group_TNK].astype(np.uint64)
        # a random number in [0, size): the word, scaled to that range
        offset_TNK = of_images.reshape(shape) * size_TNK >> np.uint64(32)
        place_TNK = tables.start_CJ[class_TN1, group_TNK] + offset_TNK.astype(np.int32)
        return tables.order_CP[class_TN1, place_TNK]

    def _some_free(self, is_free_TNP: Bools, of_queries: Words) -> Ints:
        """Positions (T, N, Q) of queries, drawn from the free images."""
        assert self.queries is not None
        free_TN = is_free_TNP.sum(2).astype(np.int32)
        query_words = of_queries.reshape(-1, self.queries)
        rank_RQ = first_of_shuffle(query_words, free_TN.ravel())
        position = np.nonzero(is_free_TNP)[2]  # of all free images, row after row
        row_start_R = np.cumsum(free_TN) - free_TN.ravel()
        position_RQ = position[row_start_R[:, None] + rank_RQ].astype(np.int32)
        query_TNQ: Ints = position_RQ.reshape((*free_TN.shape, self.queries))
        return query_TNQ

    def _all_free(self, is_free_TNP: Bools, first_TN1: Ints) -> Ints:
        """Image indices (T, N, Q) of all free images; rows are padded."""
        free_TN1 = is_free_TNP.sum(2, keepdims=True)
        query_TNQ = np.full((*is_free_TNP.shape[:2], self.most_queries), NO_QUERY, dtype=np.int32)
        is_query_TNQ = np.arange(self.most_queries) < free_TN1
        image_TNP = first_TN1 + np.arange(is_free_TNP.shape[2], dtype=np.int32)
        query_TNQ[is_query_TNQ] = image_TNP[is_free_TNP]
        return query_TNQ


@dataclass(frozen=True, eq=False)
class _Tables:
    """The classes and their groups as arrays, of which the rows of small classes are padded.

    first_C: first index of each class; groups_C: its number of groups; group_CP: the group of each
    of its images, G at padding; order_CP: its images, group by group; start_CJ and size_CJ: where
    in that order each of its groups begins, and its number of images. groups: their number, G.
    """

    first_C: Ints
    groups_C: Ints
    group_CP: Ints
    order_CP: Ints
    start_CJ: Ints
    size_CJ: Ints
    groups: int

    @classmethod
    def of(cls, pool: Pool, groups: ImageGroups) -> _Tables:
        """The tables of a pool."""
        first_C, count_C = columns(pool)
        parts = _by_class(pool, groups)
        sizes = _group_sizes(pool, groups)
        groups_C = np.array([len(of_class) for of_class in sizes], dtype=np.int32)
        of_images = (len(pool), int(count_C.max()))
        of_groups = (len(pool), int(groups_C.max()))
        total = 1 + max(int(part.max()) for part in parts)
        group_CP = np.full(of_images, total, dtype=np.int32)
        order_CP = np.zeros(of_images, dtype=np.int32)
        start_CJ = np.zeros(of_groups, dtype=np.int32)
        size_CJ = np.zeros(of_groups, dtype=np.int32)
        for label, part in enumerate(parts):
            of_class = sizes[label]
            group_CP[label, : len(part)] = part
            order_CP[label, : len(part)] = np.argsort(part, kind="stable")
            start_CJ[label, : len(of_class)] = np.cumsum(of_class) - of_class
            size_CJ[label, : len(of_class)] = of_class
        return cls(first_C, groups_C, group_CP, order_CP, start_CJ, size_CJ, total)

    def is_free(self, classes_TN: Ints, support_TNK: Ints) -> Bools:
        """Which images (T, N, P) of the classes are of a group without a support image.

        support_TNK: positions within the classes.
        """
        episodes = len(classes_TN)
        group_TNK = self.group_CP[classes_TN[:, :, None], support_TNK]
        is_used_TG = np.zeros((episodes, self.groups + 1), dtype=bool)
        is_used_TG[:, self.groups] = True  # padding
        np.put_along_axis(is_used_TG, group_TNK.reshape(episodes, -1), True, axis=1)
        group_TNP = self.group_CP[classes_TN]
        is_used = np.take_along_axis(is_used_TG, group_TNP.reshape(episodes, -1), axis=1)
        return ~is_used.reshape(group_TNP.shape)


def _by_class(pool: Pool, groups: ImageGroups) -> list[npt.NDArray[np.int64]]:
    """The groups of the images of each class, numbered from 0 over all of them."""
    _, dense_M = np.unique(groups, return_inverse=True)
    ends = np.cumsum([count for _, count in pool])
    return np.split(dense_M, ends[:-1])


def _group_sizes(pool: Pool, groups: ImageGroups) -> list[npt.NDArray[np.int64]]:
    """The number of images of each group of each class, in the order of the groups."""
    sizes = []
    for part in _by_class(pool, groups):
        _, of_class = np.unique(part, return_counts=True)
        sizes.append(of_class)
    return sizes


def fewest_queries(pool: Pool, groups: ImageGroups, ways: int, shots: int) -> list[int]:
    """The images of each class that can be queries, whatever the support: in the worst case.

    The support images of a class take `shots` groups of it. Those of the other ways can take groups
    that the class shares with other classes, `shots` for each way.
    """
    parts = _by_class(pool, groups)
    left = []
    for label, part in enumerate(parts):
        others = parts[:label] + parts[label + 1 :]
        numbers, sizes = np.unique(part, return_counts=True)
        is_shared = np.isin(numbers, np.concatenate(others))
        sharing = sum(bool(np.isin(part, other).any()) for other in others)
        taken = min(ways - 1, sharing) * shots
        shared = -np.sort(-sizes[is_shared])  # largest first
        remaining = np.concatenate([shared[taken:], sizes[~is_shared]])
        own = -np.sort(-remaining)
        left.append(int(own[shots:].sum()))
    return left


def check_groups(
    names: Sequence[str],
    pool: Pool,
    groups: ImageGroups,
    ways: int,
    shots: int,
    queries: int | None,
) -> None:
    """Raise `UserError` if a class may lack queries of groups without support images.

    names: of the classes; queries: None means all images that are left, at least one.
    """
    needed = 1 if queries is None else queries
    left = fewest_queries(pool, groups, ways, shots)
    sizes = _group_sizes(pool, groups)
    for label, name in enumerate(names):
        if left[label] >= needed:
            continue
        count = pool[label][1]
        needs = "1 query is" if needed == 1 else f"{needed} queries are"
        if left[label] > 0:
            remedy = "ask for fewer --shots or --queries, or --queries all"
        else:
            remedy = "ask for fewer --shots, or leave the class out of --test-classes"
        raise UserError(
            f"class {name!r} has {len(sizes[label])} groups with {count} images: {shots} shots in "
            f"{ways} ways can take the groups of {count - left[label]} of them, which leaves "
            f"{left[label]}, and {needs} needed; {remedy}"
        )
