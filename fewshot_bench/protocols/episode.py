"""Episodes as arrays of indices, drawn all at once from a counter-based generator.

Shapes: T episodes, C test classes, N ways, K shots, Q queries a class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fewshot_bench.seeds import digest

__all__ = [
    "NO_QUERY", "DrawnEpisodes", "EpisodeSource", "Episodes", "FixedEpisodes", "Pool", "blocks", "first_of_shuffle",
    "prefixes", "together",
]  # fmt: skip

Ints = npt.NDArray[np.int32]
Pool = tuple[tuple[int, int], ...]  # (first index, number of images) of each test class

NO_QUERY = -1  # pads the query rows of classes that have fewer images than others
TABLE = (
    400_000  # entries of the table that is shuffled at once: they stay in the second-level cache
)


@dataclass(frozen=True, eq=False)
class Episodes:
    """A run of episodes: image indices into the data set, class positions in the protocol's test classes."""

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints

    def __len__(self) -> int:
        return len(self.classes_TN)

    @property
    def is_query_TNQ(self) -> npt.NDArray[np.bool_]:
        """True where there is a query, False at padding."""
        return np.asarray(self.query_TNQ != NO_QUERY)


def together(parts: Sequence[Episodes]) -> Episodes:
    """Runs of episodes of the same shape, one after another."""
    arrays = zip(
        *((part.classes_TN, part.support_TNK, part.query_TNQ) for part in parts), strict=True
    )
    return Episodes(*map(np.concatenate, arrays))


class EpisodeSource(Protocol):
    """Where episodes come from: drawn by a protocol, or fixed by a file."""

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        ...


@dataclass(frozen=True)
class DrawnEpisodes:
    """Episodes of a protocol, drawn by counter: episode i is the same whoever asks and however many are drawn.

    The generator is Philox4x64 (Salmon et al., SC 2011). Episode i reads the words [i*W, (i+1)*W); each word is
    scaled to its range, none is rejected (bias below 2**-32 * n); the classes, then the images of each class, are the
    first steps of a Fisher-Yates shuffle, so sets and orders are uniform.

    pool: of each test class, its first index and its number of images; queries: a number, or None for all the rest;
    seed_key: what else the draws depend on (data set digest, class names, seed).
    """

    pool: Pool
    ways: int
    shots: int
    queries: int | None
    seed_key: str
    _key: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        key = digest(self.seed_key, self.pool, self.ways, self.shots, self.queries)
        object.__setattr__(self, "_key", int(key[:32], 16))

    @property
    def drawn(self) -> int:
        """Images drawn of each class: support and, where their number is given, queries."""
        return self.shots + (self.queries or 0)

    @property
    def words(self) -> int:
        """64-bit words an episode reads: a multiple of 4, as one counter step yields 4."""
        return -(-self.ways * (1 + self.drawn) // 4) * 4

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        first, count = (np.array(column, dtype=np.int32) for column in zip(*self.pool, strict=True))
        generator = np.random.Philox(key=self._key).advance(start * (self.words // 4))
        n, episodes = self.ways, stop - start
        classes = np.empty((episodes, n), dtype=np.int32)
        picked = np.empty((episodes, n, self.drawn), dtype=np.int32)
        block = max(1, TABLE // (n * int(count.max())))
        for at in range(0, episodes, block):
            part = slice(at, min(at + block, episodes))
            words = generator.random_raw((part.stop - at) * self.words).reshape(
                -1, self.words
            ) >> np.uint64(32)
            classes[part] = first_of_shuffle(
                words[:, :n], np.full(len(words), len(self.pool), dtype=np.int32)
            )
            of_class = words[:, n : n + n * self.drawn].reshape(-1, self.drawn)
            picked[part] = first_of_shuffle(of_class, count[classes[part]].ravel()).reshape(
                -1, n, self.drawn
            )
        images = first[classes][:, :, None] + picked
        query = self._rest(classes, picked) if self.queries is None else images[:, :, self.shots :]
        return Episodes(classes, images[:, :, : self.shots], query)

    def _rest(self, classes: Ints, picked: Ints) -> Ints:
        """Every image of the drawn classes that is not support, padded where classes differ in size."""
        first, count = (np.array(column, dtype=np.int32) for column in zip(*self.pool, strict=True))
        place = np.arange(count.max(), dtype=np.int32)
        free = place < count[classes][:, :, None]
        np.put_along_axis(free, picked, False, axis=2)
        rest = np.full((*classes.shape, len(place) - self.shots), NO_QUERY, dtype=np.int32)
        asked = place[: rest.shape[2]] < count[classes][:, :, None] - self.shots
        rest[asked] = (first[classes][:, :, None] + place)[free]
        return rest


def first_of_shuffle(words_RM: npt.NDArray[np.uint64], sizes_R: Ints) -> Ints:
    """The first M items of a Fisher-Yates shuffle of range(sizes[r]), for each row r of 32-bit words."""
    rows, steps = words_RM.shape
    largest = int(sizes_R.max())
    step_M = np.arange(steps)
    at_RM = words_RM * (sizes_R[:, None] - step_M).astype(np.uint64) >> np.uint64(32)
    at_MR = (at_RM.astype(np.intp) + step_M).T + largest * np.arange(
        rows
    )  # positions in the flat table
    items = np.arange(largest, dtype=np.min_scalar_type(largest))
    table = np.tile(items, (rows, 1))
    flat, out = table.ravel(), np.empty((steps, rows), dtype=np.int32)
    for step, at in enumerate(at_MR):
        out[step] = flat[at]
        flat[at] = table[:, step]
    return out.T


@dataclass(frozen=True, eq=False)
class FixedEpisodes:
    """Episodes that a file gives."""

    episodes: Episodes

    def fault(self, pool: Pool, ways: int, shots: int) -> str:
        """What is wrong with them as `ways`-way `shots`-shot episodes over `pool`, or nothing."""
        classes, support, query = (
            self.episodes.classes_TN,
            self.episodes.support_TNK,
            self.episodes.query_TNQ,
        )
        if (
            not len(classes)
            or classes.shape[1] != ways
            or support.shape[1:] != (ways, shots)
            or not query.size
        ):
            shapes = f"{classes.shape}, {support.shape}, {query.shape}"
            return f"arrays {shapes} are not (T, {ways}), (T, {ways}, {shots}), (T, {ways}, Q)"
        if classes.min() < 0 or classes.max() >= len(pool):
            return f"a class is none of the {len(pool)} test classes"
        if (np.diff(np.sort(classes, axis=1), axis=1) == 0).any():
            return "an episode holds a class twice"
        first, count = (np.array(column)[classes][:, :, None] for column in zip(*pool, strict=True))
        images = np.concatenate([support, query], axis=2)
        if not (
            (images >= first) & (images < first + count)
            | (np.arange(images.shape[2]) >= shots) & (images == NO_QUERY)
        ).all():
            return "an image is not of its class"
        if not self.episodes.is_query_TNQ.any(2).all():
            return "a class has no query"
        ordered = np.sort(images, axis=2)
        if ((np.diff(ordered, axis=2) == 0) & (ordered[:, :, 1:] != NO_QUERY)).any():
            return "an image occurs twice in a class of an episode"
        return ""

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        whole = self.episodes
        return Episodes(
            whole.classes_TN[start:stop], whole.support_TNK[start:stop], whole.query_TNQ[start:stop]
        )


def blocks(
    source: EpisodeSource, start: int, stop: int, size: int
) -> Iterator[tuple[int, Episodes]]:
    """(first episode, episodes) of blocks of at most `size` episodes from `start` up to `stop`."""
    for at in range(start, stop, size):
        yield at, source.draw(at, min(at + size, stop))


def prefixes(source: EpisodeSource, count: int, first: int = 0) -> dict[int, str]:
    """Digests (32 hex digits) of 1, 2, 4, ... episodes from `first` on and of `count`: equal digests, equal episodes."""
    running, digests, start = hashlib.sha256(), {}, 0
    for mark in [2**power for power in range(count.bit_length()) if 2**power < count] + [count]:
        for _, part in blocks(source, first + start, first + mark, 4096):
            flat = [
                array.reshape(len(part), -1)
                for array in (part.classes_TN, part.support_TNK, part.query_TNQ)
            ]
            running.update(np.concatenate(flat, axis=1).astype("<i4").tobytes())
        digests[mark], start = running.copy().hexdigest()[:32], mark
    return digests
