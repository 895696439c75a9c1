"""Episodes with further queries: of known classes, and of classes without references.

Shapes: T episodes, N ways, C test classes, M known classes, Q queries a class, U queries of classes
without references, A all queries of an episode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.protocols.episode import (
    NO_QUERY,
    TABLE,
    Episodes,
    EpisodeSource,
    ImageGroups,
    Ints,
    Pool,
    first_of_shuffle,
    in_data_set,
    random_words,
    whole_steps,
)
from fewshot_bench.seeds import digest

__all__ = ["Images", "OpenEpisodeSource", "held_out"]

Images = tuple[int, ...]  # indices into the data set


@dataclass(frozen=True)
class OpenEpisodeSource:
    """The episodes of a few-shot protocol, with further queries.

    base: what draws the episodes; pool: of the test classes; known: the images that queries of each
    known class are drawn from; has_unknown: whether there are queries of the test classes that are
    no ways of an episode; queries: of each class, None: all images; key: of the generator; groups:
    of the images of the pool: no query without references shares one with a reference.
    """

    base: EpisodeSource
    pool: Pool
    known: tuple[Images, ...]
    has_unknown: bool
    queries: int | None
    key: str
    groups: ImageGroups = ()

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        base = self.base.draw(start, stop)
        known_TMQ = self._known(start, stop)
        unknown_TU = self._unknown(base, start, stop)
        known_classes = len(self.pool) + np.arange(len(self.known), dtype=np.int32)
        return Episodes(
            base.classes_TN,
            base.support_TNK,
            base.query_TNQ,
            known_TMQ,
            unknown_TU,
            known_classes,
        )

    def _known(self, start: int, stop: int) -> Ints:
        """Queries (T, M, Q) of the known classes; rows end in `NO_QUERY`."""
        sizes = [len(images) for images in self.known]
        most = max(sizes, default=0)
        if self.queries is not None:
            most = min(most, self.queries)
        queries_TMQ = np.full((stop - start, len(sizes), most), NO_QUERY, dtype=np.int32)
        for number, images in enumerate(self.known):
            key = digest("known queries", self.key, number)
            count = min(most, len(images))
            picked_TQ = self._picked(key, len(images), count, start, stop)
            queries_TMQ[:, number, :count] = np.array(images, dtype=np.int32)[picked_TQ]
        return queries_TMQ

    def _free(self, images_TM: Ints, support_TNK: Ints) -> Ints:
        """The images that share no group with a reference, in their order; then `NO_QUERY`."""
        group_of_image = in_data_set(self.pool, self.groups)
        groups_TM = group_of_image[images_TM]
        groups_TS = group_of_image[support_TNK.reshape(len(support_TNK), -1)]
        is_taken_TM = np.zeros(images_TM.shape, dtype=bool)
        for groups_T in groups_TS.T:
            is_taken_TM |= groups_TM == groups_T[:, None]
        free_first_TM = is_taken_TM.argsort(axis=1, kind="stable")
        free_TM = np.where(is_taken_TM, np.int32(NO_QUERY), images_TM)
        return np.take_along_axis(free_TM, free_first_TM, axis=1)

    def _picked(self, key: str, size: int, count: int, start: int, stop: int) -> Ints:
        """Positions (T, count) below `size`, all different in an episode."""
        picked_TQ = np.empty((stop - start, count), dtype=np.int32)
        block = max(1, TABLE // size)
        for rows, words in random_words(key, whole_steps(count), start, stop, block):
            sizes = np.full(len(words), size, dtype=np.int32)
            picked_TQ[rows] = first_of_shuffle(words[:, :count], sizes)
        return picked_TQ

    def _unknown(self, base: Episodes, start: int, stop: int) -> Ints:
        """Queries (T, U) of the test classes that are no ways of their episode."""
        classes_TN = base.classes_TN
        if not self.has_unknown:
            return np.empty((stop - start, 0), dtype=np.int32)
        others = len(self.pool) - classes_TN.shape[1]
        largest = max(count for _, count in self.pool)
        most = largest if self.queries is None else self.queries
        picked_TCQ = np.full((stop - start, len(self.pool), most), NO_QUERY, dtype=np.int32)
        for label, (first, size) in enumerate(self.pool):
            key = digest("unknown queries", self.key, label)
            count = min(most, size)
            if self.groups:
                # all images in random order, of which the first free ones are taken
                order_TM = first + self._picked(key, size, size, start, stop)
                picked_TQ = self._free(order_TM, base.support_TNK)[:, :count]
            else:
                picked_TQ = first + self._picked(key, size, count, start, stop)
            picked_TCQ[:, label, :count] = picked_TQ
        is_way_TC = np.zeros((stop - start, len(self.pool)), dtype=bool)
        np.put_along_axis(is_way_TC, classes_TN.astype(np.intp), True, axis=1)
        return picked_TCQ[~is_way_TC].reshape(stop - start, others * most)


def held_out(
    images: npt.NDArray[np.integer], groups: Sequence[int], share: float, key: str
) -> npt.NDArray[np.int64]:
    """The images of a known class that are asked about and not trained on, in rising order.

    groups: of each image, whole groups are held out; empty: there are none. share: of the images,
    rounded; two images or groups at least where there are three, as one says nothing of its spread,
    and one at least is left.
    Raises `ValueError` for a class of a single image or group.
    """
    of_images = np.array(groups) if groups else np.arange(len(images))
    units, images_of_unit = np.unique(of_images, return_counts=True)
    if len(units) < 2:
        raise ValueError("one image or group cannot be both asked about and trained on")
    ((_, words),) = random_words(key, whole_steps(len(units)), 0, 1, block=1)
    sizes = np.array([len(units)], dtype=np.int32)
    order = first_of_shuffle(words[:, : len(units)], sizes)[0]
    reached = np.cumsum(images_of_unit[order])
    wanted = int(share * len(images) + 0.5)
    count = max(2, int(np.searchsorted(reached, max(wanted, 1))) + 1)
    chosen = units[order[: min(count, len(units) - 1)]]
    return np.asarray(images[np.isin(of_images, chosen)], dtype=np.int64)
