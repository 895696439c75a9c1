"""Pairs of images of some classes, drawn by counter, and how images are turned.

Shapes: P pairs, C classes, M images.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.protocols.episode import WORDS_A_STEP, Episodes, ImageGroups, Ints, random_words
from fewshot_bench.seeds import digest

__all__ = ["TURNS", "DrawnPairs", "Images", "Turns", "most_pairs"]

Images = tuple[int, ...]  # indices into the data set
TURNS = 8  # by 0 to 3 quarters, each also mirrored
DRAWN_AT_ONCE = 4096  # pairs


@dataclass(frozen=True)
class DrawnPairs:
    """Pairs of images, half of them of one class; each is an episode of one way and one query.

    classes: the images of each class; pairs: their number, even; key: of the generator; groups: of
    the images, class by class: two of one group are no pair.

    The pairs of one class are dealt to the classes in turn, and those of two to each two classes.
    Who gets one more is drawn. Each pair is drawn from all that there are, and none comes twice.
    """

    classes: tuple[Images, ...]
    pairs: int
    key: str
    groups: ImageGroups = ()

    def draw(self, start: int, stop: int) -> Episodes:
        """Pairs `start` to `stop - 1`: the class of the first image, it, and the second one."""
        return self._all.part(start, stop)

    @functools.cached_property
    def _all(self) -> Episodes:
        kinds = _kinds(len(self.classes))
        images = []
        labels = []
        for of_half in kinds:
            words_K4 = _words(digest("kinds", self.key, of_half), len(of_half))
            turn = [of_half[place] for place in words_K4[:, 0].argsort(kind="stable")]
            shares = Counter(itertools.islice(itertools.cycle(turn), self.pairs // 2))
            for kind, count in sorted(shares.items()):
                images.append(self._of_kind(kind, count))
                labels.append(np.tile(kind, (count, 1)))
        # in random order, and either image first
        words_P4 = _words(digest("order", self.key), self.pairs)
        order = words_P4[:, 0].argsort(kind="stable")
        first_P1 = _scaled(words_P4[:, 1:2], 2)
        sides_P2 = np.concatenate([first_P1, 1 - first_P1], axis=1)
        image_P2 = np.take_along_axis(np.concatenate(images)[order], sides_P2, axis=1)
        label_P2 = np.take_along_axis(np.concatenate(labels)[order], sides_P2, axis=1)
        classes_P1 = label_P2[:, :1].astype(np.int32)
        return Episodes(classes_P1, image_P2[:, :1, None], image_P2[:, 1:, None])

    def _of_kind(self, kind: tuple[int, int], count: int) -> Ints:
        """Different pairs (count, 2) of an image of the first and one of the second class."""
        first, second = (np.array(self.classes[label], dtype=np.int32) for label in kind)
        groups = dict(zip(itertools.chain(*self.classes), self.groups, strict=bool(self.groups)))
        found: dict[tuple[int, int], None] = {}
        for words_P4 in self._endless_words(kind):
            one_P = first[_scaled(words_P4[:, 0], len(first))]
            two_P = second[_scaled(words_P4[:, 1], len(second))]
            for one, two in zip(one_P.tolist(), two_P.tolist(), strict=True):
                is_apart = not groups or groups[one] != groups[two]
                if one != two and is_apart:
                    # of one class, the same two images are one pair in either order
                    pair = (min(one, two), max(one, two)) if kind[0] == kind[1] else (one, two)
                    found[pair] = None
                if len(found) == count:
                    return np.array(list(found), dtype=np.int32)
        raise AssertionError("the words have no end")

    def _endless_words(self, kind: tuple[int, int]) -> Iterator[npt.NDArray[np.uint64]]:
        key = digest("pairs of", self.key, kind)
        for block in itertools.count():
            yield _words(key, DRAWN_AT_ONCE, block * DRAWN_AT_ONCE)


def _words(key: str, count: int, start: int = 0) -> npt.NDArray[np.uint64]:
    """Random 32-bit numbers (count, 4)."""
    ((_, words),) = random_words(key, WORDS_A_STEP, start, start + count, block=count)
    return words


def _scaled(words: npt.NDArray[np.uint64], size: int) -> npt.NDArray[np.int64]:
    """Random 32-bit numbers as whole ones below `size`."""
    scaled = words * np.uint64(size) >> np.uint64(32)
    return scaled.astype(np.int64)


Kinds = list[tuple[int, int]]  # the classes of the two images


def _kinds(classes: int) -> tuple[Kinds, Kinds]:
    """The kinds of pairs of one class, and of two."""
    same = [(label, label) for label in range(classes)]
    return same, list(itertools.combinations(range(classes), 2))


def most_pairs(classes: tuple[Images, ...], groups: ImageGroups = ()) -> int:
    """How many pairs there are that can be dealt to all kinds in equal parts.

    Raises `ValueError` for a single class.
    """
    if len(classes) < 2:
        raise ValueError("pairs of two classes need two classes")
    sizes = [len(images) for images in classes]
    bounds = itertools.pairwise(itertools.accumulate(sizes, initial=0))
    members = [Counter(groups[start:stop]) for start, stop in bounds]
    halves = []
    for kinds in _kinds(len(classes)):
        counts = []
        for one, two in kinds:
            together = sum(members[one][group] * members[two][group] for group in members[one])
            if one == two:
                # each image is in one group with itself, with or without groups
                counts.append((sizes[one] ** 2 - (together or sizes[one])) // 2)
            else:
                counts.append(sizes[one] * sizes[two] - together)
        halves.append(len(kinds) * min(counts))
    return 2 * min(halves)


@dataclass(frozen=True)
class Turns:
    """How each image of a data set is turned: the same whatever it is asked for.

    key: of the generator; empty: not at all.
    """

    key: str

    def of(self, images_M: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """0 to 7 for each of these images (M,): quarter turns, and 4 more where it is mirrored."""
        if not self.key:
            return np.zeros(len(images_M), dtype=np.int64)
        words_M4 = _words(self.key, int(images_M.max()) + 1)
        return _scaled(words_M4[images_M, 0], TURNS)
