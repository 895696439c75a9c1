"""Pictures that show the same piece of the same thing: frames, crops, re-encoded or turned copies.

Two pictures are near-duplicates if their pixels agree after one of them was shifted by up to half
its side, and turned or mirrored. docs/method/near-duplicates.md says how the limits were found.
Shapes: M pictures, P pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.cache import cached_arrays
from fewshot_bench.data.labelled import LabelledImages

__all__ = ["MOST_WITH_ALL", "NearDuplicates", "near_duplicates"]

VERSION = 1  # of the search: another one makes it anew
MOST_WITH_ALL = 20_000  # images of which each is compared with all others
SMALLEST = 8  # pixels a side: smaller pictures are not compared

Pixels = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """The near-duplicates of a data set.

    pairs: (P, 2), indices of the pictures, the earlier one first; similarity: (P,), 1 for equal;
    labels: (M,), of the pictures.
    """

    pairs: Indices
    similarity: Pixels
    labels: npt.NDArray[np.int64]

    @property
    def is_within(self) -> npt.NDArray[np.bool_]:
        """(P,), whether both pictures of a pair have the same class."""
        classes = self.labels[self.pairs]
        return np.asarray(classes[:, 0] == classes[:, 1])

    @property
    def across(self) -> Indices:
        """Which pairs have two classes."""
        return np.flatnonzero(~self.is_within)

    @property
    def clusters(self) -> Indices:
        """(M,), for each picture the first one of its class that pairs connect it with."""
        first = np.arange(len(self.labels))
        for one, other in self.pairs[self.is_within]:
            low, high = sorted((first[one], first[other]))
            first[first == high] = low
        return first

    @property
    def notes(self) -> list[str]:
        """What a user should know of the search."""
        if len(self.labels) <= MOST_WITH_ALL:
            return []
        return [
            f"of more than {MOST_WITH_ALL:,} images, near-duplicates are looked for among those "
            "with the most similar spectra only, and a few may be missed"
        ]

    @property
    def later(self) -> Indices:
        """Pictures that are near-duplicates of an earlier one of their class."""
        return np.flatnonzero(self.clusters != np.arange(len(self.labels)))

    def later_in(self, label: int) -> int:
        """How many pictures of a class are near-duplicates of an earlier one."""
        return int((self.labels[self.later] == label).sum())


def near_duplicates(data: LabelledImages) -> NearDuplicates:
    """The near-duplicates among these images; they are kept in the cache.

    Of each picture the 8 with the most similar spectrum are compared, so that a cluster of many is
    found by its links, not by all of its pairs. Pictures of less than 8 pixels a side have none.
    """
    if min(data.images.shape[2:]) < SMALLEST or len(data) < 2:
        no_pairs = np.zeros((0, 2), dtype=np.int64)
        return NearDuplicates(no_pairs, np.zeros(0, dtype=np.float32), data.labels)

    def build() -> dict[str, npt.NDArray[Any]]:
        # imports libraries that a search already done needs not wait for
        from fewshot_bench.data.copy_search import similar_pairs

        pairs, similarity = similar_pairs(data, most_with_all=MOST_WITH_ALL)
        return {"pairs": pairs, "similarity": similarity}

    arrays = cached_arrays(["near-duplicates", VERSION, data.digest], build)
    return NearDuplicates(arrays["pairs"], arrays["similarity"], data.labels)
