"""Which images are trained on and which are tested, for each run of a classification protocol.

Shapes: S runs, N classes, K references of each, at most Q test images of a class.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import (
    NO_QUERY,
    Episodes,
    Ints,
    Pool,
    Words,
    first_of_shuffle,
    random_words,
    whole_steps,
)
from fewshot_bench.protocols.unlabelled import in_random_order, labelled_counts
from fewshot_bench.seeds import digest

__all__ = [
    "DrawnRuns",
    "Part",
    "Size",
    "Split",
    "is_size",
    "repeats",
    "size_text",
    "tested_on_text",
    "with_unlabelled",
]

Size = int | float  # a number of images, or a share below 1


@dataclass(frozen=True, eq=False)
class Split:
    """Train images, and the images whose features are needed, as indices into the data set.

    train: class by class, in the order of `train_classes`; embedded: test images and references;
    run: the run of a classification protocol, else None; left_out: images that are not used because
    other images of their group are on the other side; unlabelled: further train images, in random
    order, whose labels nobody may see.
    """

    train_classes: tuple[str, ...]
    train: npt.NDArray[np.integer]
    embedded: npt.NDArray[np.integer]
    run: int | None = None
    left_out: int = 0
    unlabelled: npt.NDArray[np.integer] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @functools.cached_property
    def train_digest(self) -> str:
        """The digest of the train classes and labelled images."""
        return digest(self.train_classes, _indices_digest(self.train))

    @functools.cached_property
    def unlabelled_digest(self) -> str:
        """The digest of the train images without labels; empty if there are none."""
        return _indices_digest(self.unlabelled) if len(self.unlabelled) else ""

    @functools.cached_property
    def embedded_digest(self) -> str:
        """The digest of the images whose features are needed."""
        return _indices_digest(self.embedded)


def with_unlabelled(
    split: Split, data: LabelledImages, share: float, seed: int, version: int
) -> Split:
    """The split, of which a share of the train images of each class has no label any more.

    A larger share holds the images of a smaller one. seed, version: of the protocol. Raises as
    `labelled_counts`.
    """
    if share == 0:
        return split
    key = digest("unlabelled", data.digest, split.train_classes, seed, version)
    labels = data.labels[split.train]
    of_classes = []
    for name in split.train_classes:
        of_class = split.train[labels == data.class_names.index(name)]
        of_classes.append(in_random_order(of_class, digest(key, name)))
    counts = labelled_counts([len(images) for images in of_classes], share)
    # a larger share takes labels from the front on
    losing = [len(images) - count for images, count in zip(of_classes, counts, strict=True)]
    pairs = list(zip(of_classes, losing, strict=True))
    labelled = [np.sort(images[lost:]) for images, lost in pairs]
    unlabelled = [images[:lost] for images, lost in pairs]
    return replace(
        split,
        train=np.concatenate(labelled),
        # their order must not tell their classes
        unlabelled=in_random_order(np.concatenate(unlabelled), digest(key, "order")),
    )


def _indices_digest(indices: npt.NDArray[np.integer]) -> str:
    content = indices.astype("<i8").tobytes()
    return hashlib.sha256(content).hexdigest()


class Part(NamedTuple):
    """Image indices of one class in one run: what is trained on, and what is tested."""

    train: Ints
    test: Ints


@dataclass(frozen=True)
class DrawnRuns:
    """Runs of a classification protocol, each as one episode of all classes.

    The support of that episode are the references, its queries the test images. Each run shuffles
    every class (Philox4x64, Salmon et al., SC 2011, and Fisher-Yates, as in `DrawnEpisodes`). It
    trains on the first images and is tested on the last. So a larger train size holds the train
    images of a smaller one, and test images whose number is given are the same for every train
    size.

    pool: (first index, number of images) of each class; train: images of each class, or a share
    below 1; test: images of all classes together, in proportion to the classes, or a share below 1
    of each class, or None for all images that are not trained on; references: at most so many train
    images of each class, the same number for every class; key: the key of the generator, 64 hex
    digits; unlabelled: the share of the train images whose labels are not used. They are no
    references.
    Raises `UserError` if a class is too small.
    """

    pool: Pool
    train: Size
    test: Size | None
    references: int
    key: str
    unlabelled: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        counts = zip(self.class_sizes, self.train_counts, self.test_counts, strict=True)
        for size, train, test in counts:
            if train < 1 or test < 1 or train + test > size:
                raise UserError(
                    f"train size {size_text(self.train)}, tested on {tested_on_text(self.test)}, "
                    f"does not fit a class of {size} images: {train} to train on and "
                    f"{max(0, test)} to test on (allowed: 1 or more of each, {size} together); "
                    "choose other sizes with --train-per-class, --train-fraction or --test-images"
                )
        labelled_counts(self.train_counts, self.unlabelled)  # raises if there are too few

    @functools.cached_property
    def class_sizes(self) -> list[int]:
        """Images of each class."""
        return [count for _, count in self.pool]

    @functools.cached_property
    def train_counts(self) -> list[int]:
        """Train images of each class."""
        if self.train < 1:
            return [_rounded(self.train * size) for size in self.class_sizes]
        return [int(self.train)] * len(self.pool)

    @functools.cached_property
    def test_counts(self) -> list[int]:
        """Test images of each class."""
        if self.test is None:
            sizes = zip(self.class_sizes, self.train_counts, strict=True)
            return [size - train for size, train in sizes]
        if self.test < 1:
            return [_rounded(self.test * size) for size in self.class_sizes]
        return _in_proportion(int(self.test), self.class_sizes)

    @property
    def shots(self) -> int:
        """References of each class."""
        return min(self.references, *self.labelled_counts)

    @functools.cached_property
    def labelled_counts(self) -> list[int]:
        """Train images of each class that have a label."""
        return labelled_counts(self.train_counts, self.unlabelled)

    def shuffled(self, run: int) -> list[Ints]:
        """The image indices of each class in the order of this run."""
        words = self._words(run, sum(self.class_sizes))
        orders = []
        begin = 0
        for first, size in self.pool:
            end = begin + size
            of_class = words[begin:end][None]
            positions = first_of_shuffle(of_class, np.array([size], dtype=np.int32))[0]
            orders.append(first + positions)
            begin = end
        return orders

    def _words(self, run: int, count: int) -> Words:
        """So many 32-bit random numbers, or some more, of this run."""
        ((_, words),) = random_words(self.key, whole_steps(count), run, run + 1, block=1)
        return words.ravel()

    def parts(self, run: int) -> list[Part]:
        """The train and test images of each class."""
        orders = self.shuffled(run)
        counts = zip(orders, self.train_counts, self.test_counts, strict=True)
        parts = []
        for order, train, test in counts:
            parts.append(Part(order[:train], order[-test:]))
        return parts

    def left_out(self, run: int) -> int:
        """Images that are not used because of their groups: none."""
        del run
        return 0

    def train_images(self, run: int) -> Ints:
        """Indices of the train images that have a label, class by class."""
        parts = zip(self.parts(run), self.labelled_counts, strict=True)
        return np.concatenate([np.sort(part.train[:count]) for part, count in parts])

    def unlabelled_images(self, run: int) -> Ints:
        """Indices of the other train images, in an order that does not tell their classes."""
        parts = zip(self.parts(run), self.labelled_counts, strict=True)
        images = np.concatenate([part.train[count:] for part, count in parts])
        if len(images) == 0:
            return images
        return in_random_order(images, digest("unlabelled", self.key, run))

    def draw(self, start: int, stop: int) -> Episodes:
        """Runs `start` to `stop - 1` as episodes."""
        runs = stop - start
        classes = len(self.pool)
        shots = self.shots
        classes_SN = np.tile(np.arange(classes, dtype=np.int32), (runs, 1))
        support_SNK = np.empty((runs, classes, shots), dtype=np.int32)
        query_SNQ = np.full((runs, classes, max(self.test_counts)), NO_QUERY, dtype=np.int32)
        for row in range(runs):
            for label, part in enumerate(self.parts(start + row)):
                labelled = part.train[: self.labelled_counts[label]]
                support_SNK[row, label] = self._references(labelled)
                query_SNQ[row, label, : len(part.test)] = np.sort(part.test)
        return Episodes(classes_SN, support_SNK, query_SNQ)

    def _references(self, train: Ints) -> Ints:
        """The references among the labelled images of a class, which are in the run's order."""
        return train[: self.shots]


def is_size(size: Size) -> bool:
    """Whether it is a share below 1 or a whole number of images."""
    if 0 < size < 1:
        return True
    return 1 <= size < math.inf and size == int(size)


def repeats(values: Sequence[Size]) -> bool:
    """Whether a value occurs twice."""
    different = set(values)
    return len(different) < len(values)


def size_text(size: Size) -> str:
    """A size as text: "20" or "0.8"."""
    return f"{size:g}"


def tested_on_text(size: Size | None) -> str:
    """Which images are tested, for messages."""
    if size is None:
        return "all images that were not trained on"
    if size < 1:
        return f"{100 * size:g} % of each class"
    return f"{size:g} images"


def _rounded(number: float) -> int:
    """The nearest whole number; halves are rounded up, unlike by `round`."""
    return int(number + 0.5)


def _in_proportion(total: int, sizes: list[int]) -> list[int]:
    """Divide `total` in proportion to `sizes`, by the largest-remainder method."""
    exact = [total * size / sum(sizes) for size in sizes]
    counts = [int(number) for number in exact]

    def minus_remainder(index: int) -> float:
        return counts[index] - exact[index]

    largest_first = sorted(range(len(sizes)), key=minus_remainder)
    missing = total - sum(counts)
    for index in largest_first[:missing]:
        counts[index] += 1
    return counts
