"""Which images the episodes hold: all at once, or part by part where they are many.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class, M test images, U units.
Images are positions in [0, M). A query position below 0, or of M, is padding.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.samples import Bools, Floats, Ints, Samples, Units

__all__ = [
    "AnyDesign",
    "Bools",
    "Design",
    "DrawnDesign",
    "Floats",
    "Images",
    "Ints",
    "Part",
    "Units",
]

SEARCH_BLOCK = 256  # episodes tested at once in the search for disjoint episodes


@dataclass(frozen=True, eq=False)
class Part:
    """Consecutive episodes. rows: which of all; units: of the images."""

    rows: slice
    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    units: Units

    @cached_property
    def support_units_TNK(self) -> Ints:
        """The units of the support images."""
        return self.units.of_M[self.support_TNK]

    @cached_property
    def query_units_TNQ(self) -> Ints:
        """The units of the queries; U where there is padding."""
        units_M1 = np.append(self.units.of_M, len(self.units.class_U))
        return np.asarray(units_M1[self.query_TNQ])

    @cached_property
    def is_query_TNQ(self) -> Bools:
        """True for a query, False for padding."""
        return np.asarray(self.query_units_TNQ < len(self.units.class_U))

    def sum_by_unit(self, values_TNQ: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Sum of whole numbers over the queries of each unit, (U,)."""
        bins = len(self.units.class_U) + 1  # the last is of padding
        sums = np.bincount(self.query_units_TNQ.ravel(), values_TNQ.ravel(), bins)
        return sums[:-1].astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Counts:
    """What one walk over all episodes counts; see the properties of `AnyDesign`."""

    classes_TN: Ints
    supports_U: Ints
    queries_U: Ints
    episodes_C: Ints
    queries_TN: Ints


class AnyDesign(abc.ABC):
    """The images and classes of all episodes.

    labels_M: the class of each image; groups_M: the part, plate or wafer that each image is of,
    None: no two images share one; classes_TN: the classes of each episode.
    """

    labels_M: Ints
    groups_M: Ints | None
    classes_TN: Ints

    @abc.abstractmethod
    def parts(self) -> Iterator[Part]:
        """All episodes in their order, so many at once as memory takes."""

    @property
    @abc.abstractmethod
    def shots(self) -> int:
        """Support images of each class, K."""

    @property
    @abc.abstractmethod
    def nbytes(self) -> int:
        """About how much memory it takes."""

    @abc.abstractmethod
    def first(self, episodes: int) -> AnyDesign:
        """The design of the first `episodes` episodes."""

    def __len__(self) -> int:
        return len(self.classes_TN)

    @property
    def ways(self) -> int:
        """Classes of an episode, N."""
        return int(self.classes_TN.shape[1])

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
        counts = self._counts
        uses = (counts.supports_U, counts.queries_U, counts.episodes_C)
        return Samples(self.units, self.shots, *uses)

    @cached_property
    def _counts(self) -> _Counts:
        units = len(self.units.class_U)
        supports_U = np.zeros(units, dtype=np.int64)
        queries_U = np.zeros(units, dtype=np.int64)
        classes = []
        queries = []
        for part in self.parts():
            supports_U += np.bincount(part.support_units_TNK.ravel(), minlength=units)
            queries_U += np.bincount(part.query_units_TNQ.ravel(), minlength=units + 1)[:-1]
            queries_TN = part.is_query_TNQ.sum(2)
            # in the smallest types, as these are kept of all episodes
            queries.append(queries_TN.astype(np.min_scalar_type(part.query_TNQ.shape[2])))
            classes.append(part.classes_TN.astype(np.min_scalar_type(self.classes)))
        classes_TN = np.concatenate(classes)
        episodes_C = np.bincount(classes_TN.ravel(), minlength=self.classes)
        return _Counts(classes_TN, supports_U, queries_U, episodes_C, np.concatenate(queries))

    @property
    def queries_TN(self) -> Ints:
        """Number of queries of each class of an episode."""
        return self._counts.queries_TN

    @property
    def episodes_C(self) -> Ints:
        """Number of episodes that hold each class."""
        return self._counts.episodes_C

    @property
    def queries_U(self) -> Ints:
        """How often images of each unit are a query."""
        return self._counts.queries_U

    @property
    def supports_U(self) -> Ints:
        """How often images of each unit are in a support set."""
        return self._counts.supports_U

    @cached_property
    def disjoint_episodes(self) -> list[int]:
        """Episodes that share no image with each other.

        Episodes are tried in their order. One is taken if it shares no image with those taken
        before.
        """
        search = _Search(self)
        for part in self.parts():
            search.go_through(part)
            if search.is_over:
                break
        return search.chosen


class _Search:
    """Looks for episodes that share no image."""

    def __init__(self, design: AnyDesign) -> None:
        self._design = design
        self._least = design.shots + int(design.queries_TN.min())  # images of a class
        # Padding reads the last, additional entry, which is always free.
        self._is_free = np.ones(len(design.labels_M) + 1, dtype=bool)
        self.chosen: list[int] = []

    @property
    def is_over(self) -> bool:
        """Whether too few images are left for another episode."""
        labels = self._design.labels_M[self._is_free[:-1]]
        free_C = np.bincount(labels, minlength=self._design.classes)
        return int((free_C >= self._least).sum()) < self._design.ways

    def go_through(self, part: Part) -> None:
        """Take what can be taken of these episodes."""
        is_free = self._is_free
        start = 0
        while start < len(part.classes_TN) and not self.is_over:
            block = slice(start, start + SEARCH_BLOCK)
            support_is_free_T = is_free[part.support_TNK[block]].all((1, 2))
            query_is_free_T = is_free[part.query_TNQ[block]].all((1, 2))
            is_disjoint_T = support_is_free_T & query_is_free_T
            if not is_disjoint_T.any():
                start = block.stop
                continue
            episode = start + int(is_disjoint_T.argmax())
            self.chosen.append(part.rows.start + episode)
            is_free[part.support_TNK[episode]] = False
            is_free[part.query_TNQ[episode]] = False
            is_free[-1] = True
            start = episode + 1


@dataclass(frozen=True, eq=False)
class Design(AnyDesign):
    """A design whose episodes are all held in memory. support_TNK and query_TNQ: images."""

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    labels_M: Ints
    groups_M: Ints | None = None

    @cached_property
    def _whole(self) -> Part:
        rows = slice(0, len(self.classes_TN))
        return Part(rows, self.classes_TN, self.support_TNK, self.query_TNQ, self.units)

    def parts(self) -> Iterator[Part]:
        """All episodes at once."""
        yield self._whole

    @property
    def nbytes(self) -> int:
        """About how much memory it takes, with the units of all images."""
        images = self.support_TNK.size + self.query_TNQ.size
        of_units = 9  # an index of 8 bytes, and whether there is a query
        return self.support_TNK.nbytes + self.query_TNQ.nbytes + of_units * images

    @property
    def shots(self) -> int:
        """Support images of each class, K."""
        return int(self.support_TNK.shape[2])

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


Images = tuple[Ints, Ints, Ints]  # classes_TN, support_TNK, query_TNQ
Draw = Callable[[int, int], Images]


class DrawnDesign(AnyDesign):
    """A design whose episodes are too many to be held: they are drawn anew for each walk.

    draw: episodes `start` to `stop - 1`; episodes: their number; block: how many are held at once.
    """

    def __init__(
        self, draw: Draw, episodes: int, block: int, labels_M: Ints, groups_M: Ints | None
    ) -> None:
        self._draw = draw
        self._episodes = episodes
        self._block = block
        self.labels_M = labels_M
        self.groups_M = groups_M
        _, support_TNK, _ = draw(0, 1)
        self._shots = int(support_TNK.shape[2])
        self.classes_TN = self._counts.classes_TN

    def parts(self) -> Iterator[Part]:
        """Blocks of episodes."""
        for start in range(0, self._episodes, self._block):
            stop = min(start + self._block, self._episodes)
            yield Part(slice(start, stop), *self._draw(start, stop), self.units)

    @property
    def nbytes(self) -> int:
        """About how much memory it takes, without the episodes, which it does not hold."""
        return self.classes_TN.nbytes + self.queries_TN.nbytes

    @property
    def shots(self) -> int:
        """Support images of each class, K."""
        return self._shots

    def first(self, episodes: int) -> DrawnDesign:
        """The design of the first `episodes` episodes."""
        if episodes == self._episodes:
            return self
        return DrawnDesign(self._draw, episodes, self._block, self.labels_M, self.groups_M)
