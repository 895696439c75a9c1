"""Which images are trained on and which are asked about, drawn anew for each run of a classification protocol.

Shapes: S runs, N classes, K references of each, Q test images of a class, at most.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import NO_QUERY, Episodes, Pool, first_of_shuffle
from fewshot_bench.seeds import digest

__all__ = ["DrawnRuns", "Size", "Split", "size_text", "tested_on_text"]

Ints = npt.NDArray[np.int32]
Size = int | float  # a number of images, or below 1 a share


@dataclass(frozen=True, eq=False)
class Split:
    """Images as indices into the data set. train: class by class, in the order of `train_classes`; embedded: those whose
    features are needed, test images and references; run: of a classification protocol, else None.
    """

    train_classes: tuple[str, ...]
    train: npt.NDArray[np.integer]
    embedded: npt.NDArray[np.integer]
    run: int | None = None

    @functools.cached_property
    def train_digest(self) -> str:
        """Of the train classes and images."""
        return digest(
            self.train_classes, hashlib.sha256(self.train.astype("<i8").tobytes()).hexdigest()
        )

    @functools.cached_property
    def embedded_digest(self) -> str:
        """Of the images that are asked about."""
        return hashlib.sha256(self.embedded.astype("<i8").tobytes()).hexdigest()


@dataclass(frozen=True)
class DrawnRuns:
    """Runs of a classification protocol, each as one episode of all classes: references are support, test images queries.

    Each run shuffles every class (Philox4x64, Salmon et al., SC 2011, and Fisher-Yates, as in `DrawnEpisodes`): it trains
    on the images that come first and is tested on those that come last, so that a run's train images of one size hold
    those of a smaller one, and its test images, where their number is given, are the same for every size.

    pool: of each class, its first index and its number of images; train: images of each class, or a share below 1; test:
    images of all classes together, in proportion, or a share below 1 of each class, or None for all that are not trained
    on; references: of each class, at most so many of its train images, and as many as the smallest class has; key: the
    generator's key, 64 hex digits.
    """

    pool: Pool
    train: Size
    test: Size | None
    references: int
    key: str

    def __post_init__(self) -> None:
        for (_, count), train, test in zip(
            self.pool, self.train_counts, self.test_counts, strict=True
        ):
            if train < 1 or test < 1 or train + test > count:
                raise UserError(
                    f"train size {size_text(self.train)}, tested on {tested_on_text(self.test)}, does not fit a class of {count} "
                    f"images: {train} to train on and {max(0, test)} to test on (allowed: 1 or more of each, {count} "
                    "together); ask for other sizes with --train-per-class, --train-fraction or --test-images"
                )

    @functools.cached_property
    def train_counts(self) -> list[int]:
        """Train images of each class."""
        return [
            _rounded(self.train * count) if self.train < 1 else int(self.train)
            for _, count in self.pool
        ]

    @functools.cached_property
    def test_counts(self) -> list[int]:
        """Test images of each class."""
        sizes = [count for _, count in self.pool]
        if self.test is None:
            return [count - train for count, train in zip(sizes, self.train_counts, strict=True)]
        return (
            [_rounded(self.test * count) for count in sizes]
            if self.test < 1
            else _in_proportion(int(self.test), sizes)
        )

    @property
    def shots(self) -> int:
        """References of each class."""
        return min(self.references, *self.train_counts)

    def shuffled(self, run: int) -> list[Ints]:
        """The indices of each class in the order of this run."""
        words = -(-sum(count for _, count in self.pool) // 4) * 4  # a counter step yields 4
        drawn = np.random.Philox(key=int(self.key[:32], 16)).advance(run * (words // 4)).random_raw(
            words
        ) >> np.uint64(32)
        orders, at = [], 0
        for first, count in self.pool:
            part = drawn[at : at + count][None]
            orders.append(first + first_of_shuffle(part, np.array([count], dtype=np.int32))[0])
            at += count
        return orders

    def train_images(self, run: int) -> Ints:
        """Indices of the train images, class by class."""
        return np.concatenate([
            np.sort(order[:train]) for order, train in zip(self.shuffled(run), self.train_counts, strict=True)
        ])  # fmt: skip

    def draw(self, start: int, stop: int) -> Episodes:
        """Runs `start` to `stop - 1`."""
        classes, shots = len(self.pool), self.shots
        support = np.empty((stop - start, classes, shots), dtype=np.int32)
        query = np.full((stop - start, classes, max(self.test_counts)), NO_QUERY, dtype=np.int32)
        for row, run in enumerate(range(start, stop)):
            for label, (order, test) in enumerate(
                zip(self.shuffled(run), self.test_counts, strict=True)
            ):
                support[row, label] = order[:shots]
                query[row, label, :test] = np.sort(order[-test:])
        return Episodes(
            np.tile(np.arange(classes, dtype=np.int32), (stop - start, 1)), support, query
        )


def size_text(size: Size) -> str:
    """A size as text: "20" or "0.8"."""
    return f"{size:g}"


def tested_on_text(size: Size | None) -> str:
    """Which images are asked about, in words."""
    if size is None:
        return "all images that were not trained on"
    return f"{100 * size:g} % of each class" if size < 1 else f"{size:g} images"


def _rounded(number: float) -> int:
    return int(number + 0.5)


def _in_proportion(total: int, sizes: list[int]) -> list[int]:
    """`total` shared out in proportion to `sizes`, what is left after rounding down to the largest remainders."""
    exact = [total * size / sum(sizes) for size in sizes]
    counts = [int(number) for number in exact]
    by_remainder = sorted(range(len(sizes)), key=lambda at: counts[at] - exact[at])
    for at in by_remainder[: total - sum(counts)]:
        counts[at] += 1
    return counts
