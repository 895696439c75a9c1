"""Episodes as arrays of image indices, drawn all at once from a counter-based generator.

Shapes: T episodes, C test classes, N ways, K shots, Q queries of each class.
"""

from __future__ import annotations

import functools
import hashlib
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.seeds import digest

__all__ = [
    "NO_QUERY",
    "DrawnEpisodes",
    "EpisodeSource",
    "Episodes",
    "FixedEpisodes",
    "ImageGroups",
    "Pool",
    "blocks",
    "columns",
    "first_of_shuffle",
    "in_data_set",
    "pool_images",
    "prefixes",
    "random_words",
    "together",
    "whole_steps",
]

Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]
Pool = tuple[tuple[int, int], ...]  # (first index, number of images) of each test class
# the group of each image of the pool, class by class; empty: there are no groups
ImageGroups = tuple[int, ...]

NO_QUERY = -1  # pads the query rows of classes that have fewer images than others
WORDS_A_STEP = 4  # 64-bit words that one step of the Philox4x64 counter yields
# entries of the table that is shuffled at once: so many stay in the second-level cache
TABLE = 400_000
DIGEST_BLOCK = 4096  # episodes hashed at once; the digest does not depend on it


@dataclass(frozen=True, eq=False)
class Episodes:
    """A run of episodes.

    classes_TN: indices into the test classes of the protocol; support_TNK, query_TNQ: image indices
    into the data set. Query rows of small classes end in `NO_QUERY`.
    known_TMQ: queries of known classes; unknown_TU: queries of classes without references, in an
    open-world protocol, else None. known_M: what predictions of known classes are, beside those of
    the test classes.
    """

    classes_TN: Ints
    support_TNK: Ints
    query_TNQ: Ints
    known_TMQ: Ints | None = None
    unknown_TU: Ints | None = None
    known_M: Ints | None = None

    def __len__(self) -> int:
        return len(self.classes_TN)

    @property
    def candidates_TN(self) -> Ints:
        """The classes that a prediction can be: the ways, and then known classes."""
        if self.known_M is None:
            return self.classes_TN
        known_TM = np.broadcast_to(self.known_M, (len(self), len(self.known_M)))
        return np.concatenate([self.classes_TN, known_TM], axis=1)

    @property
    def all_queries_TA(self) -> Ints:
        """Every query: those of the ways, then of known classes, then without references."""
        queries_TA = self.query_TNQ.reshape(len(self), -1)
        if self.known_TMQ is None or self.unknown_TU is None:
            return queries_TA
        known_TA = self.known_TMQ.reshape(len(self), -1)
        return np.concatenate([queries_TA, known_TA, self.unknown_TU], axis=1)

    def part(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        rows = slice(start, stop)
        return Episodes(
            self.classes_TN[rows],
            self.support_TNK[rows],
            self.query_TNQ[rows],
            None if self.known_TMQ is None else self.known_TMQ[rows],
            None if self.unknown_TU is None else self.unknown_TU[rows],
            self.known_M,
        )

    @property
    def is_query_TNQ(self) -> npt.NDArray[np.bool_]:
        """True where there is a query, False at padding."""
        return np.asarray(self.query_TNQ != NO_QUERY)


def together(parts: Sequence[Episodes]) -> Episodes:
    """Runs of episodes of the same shape, one after another."""
    classes_TN = np.concatenate([part.classes_TN for part in parts])
    support_TNK = np.concatenate([part.support_TNK for part in parts])
    query_TNQ = np.concatenate([part.query_TNQ for part in parts])
    return Episodes(classes_TN, support_TNK, query_TNQ)


class EpisodeSource(typing.Protocol):
    """Where episodes come from: drawn by a protocol, or read from a file."""

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class DrawnEpisodes:
    """Episodes of a few-shot protocol, drawn by counter.

    Episode i is the same, no matter who draws it and how many are drawn. The generator is
    Philox4x64 (Salmon et al., SC 2011). Episode i reads the words [i*W, (i+1)*W). Each word is
    scaled to its range and none is rejected (bias below 2**-32 * n). The classes, and then the
    images of each class, are the first steps of a Fisher-Yates shuffle, so that sets and orders are
    uniform.

    pool: (first index, number of images) of each test class; queries: a number, or None for all
    images that are not support; seed_key: what else the draws depend on (data set digest, class
    names, seed).
    """

    pool: Pool
    ways: int
    shots: int
    queries: int | None
    seed_key: str

    @functools.cached_property
    def _key(self) -> str:
        return digest(self.seed_key, self.pool, self.ways, self.shots, self.queries)

    @property
    def images_per_class(self) -> int:
        """Images drawn of each class: support and, if their number is given, queries."""
        return self.shots + (self.queries or 0)

    @property
    def words_per_episode(self) -> int:
        """64-bit words that an episode reads: a multiple of 4, as one counter step yields 4."""
        used = self.ways * (1 + self.images_per_class)
        return whole_steps(used)

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        first_C, count_C = columns(self.pool)
        episodes = stop - start
        classes = np.empty((episodes, self.ways), dtype=np.int32)
        picked = np.empty((episodes, self.ways, self.images_per_class), dtype=np.int32)
        block = max(1, TABLE // (self.ways * int(count_C.max())))
        for rows, words in random_words(self._key, self.words_per_episode, start, stop, block):
            classes[rows] = self._classes(words)
            picked[rows] = self._images(words, count_C[classes[rows]])
        images = first_C[classes][:, :, None] + picked
        support = images[:, :, : self.shots]
        if self.queries is None:
            query = self._all_but(picked, classes)
        else:
            query = images[:, :, self.shots :]
        return Episodes(classes, support, query)

    def _classes(self, words: Words) -> Ints:
        """The classes (T, N) of episodes, from their words (T, W)."""
        class_words = words[:, : self.ways]
        pool_sizes = np.full(len(words), len(self.pool), dtype=np.int32)
        return first_of_shuffle(class_words, pool_sizes)

    def _images(self, words: Words, class_sizes_TN: Ints) -> Ints:
        """Positions (T, N, K) of images within their classes, from the words (T, W)."""
        begin = self.ways  # the words before are for the classes
        end = begin + self.ways * self.images_per_class
        # without references and with all images as queries, none are drawn
        of_class = words[:, begin:end].reshape(class_sizes_TN.size, self.images_per_class)
        positions = first_of_shuffle(of_class, class_sizes_TN.ravel())
        return positions.reshape(*class_sizes_TN.shape, self.images_per_class)

    def _all_but(self, support_TNK: Ints, classes_TN: Ints) -> Ints:
        """Image indices (T, N, Q) of all images of the classes that are not support.

        support_TNK: positions within the classes. Rows are padded if classes differ in size.
        """
        first_C, count_C = columns(self.pool)
        first_TN1 = first_C[classes_TN][:, :, None]
        count_TN1 = count_C[classes_TN][:, :, None]
        position = np.arange(count_C.max(), dtype=np.int32)
        is_free = position < count_TN1
        np.put_along_axis(is_free, support_TNK, False, axis=2)
        most = len(position) - self.shots
        query = np.full((*classes_TN.shape, most), NO_QUERY, dtype=np.int32)
        is_query = position[:most] < count_TN1 - self.shots
        query[is_query] = (first_TN1 + position)[is_free]
        return query


def columns(pool: Pool) -> tuple[Ints, Ints]:
    """(first index, number of images) of the classes, each as an array (C,)."""
    first_C, count_C = np.array(pool, dtype=np.int32).T
    return first_C, count_C


def pool_images(pool: Pool) -> npt.NDArray[np.int64]:
    """The indices in the data set of the images of the pool, class by class."""
    return np.concatenate([np.arange(first, first + count) for first, count in pool])


def in_data_set(pool: Pool, values_M: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """A value of each image of the pool, at the place of its index in the data set.

    It is -1 at the others, and at the last place, which `NO_QUERY` points to.
    """
    images_M = pool_images(pool)
    values = np.full(int(images_M.max()) + 2, -1, dtype=np.int64)
    values[images_M] = values_M
    return values


def whole_steps(words: int) -> int:
    """So many words, rounded up to a multiple of those that one step of the counter yields."""
    steps = -(-words // WORDS_A_STEP)
    return steps * WORDS_A_STEP


def random_words(
    key: str, words_each: int, start: int, stop: int, block: int
) -> Iterator[tuple[slice, Words]]:
    """32-bit random numbers (T, words_each) of episodes `start` to `stop - 1`.

    They come in blocks of episodes; the slice says which, counted from `start`. key: hex digits,
    of which the first 128 bits are used; words_each: a multiple of 4.
    """
    generator = np.random.Philox(key=int(key[:32], 16))
    generator.advance(start * (words_each // WORDS_A_STEP))
    for begin in range(0, stop - start, block):
        end = min(begin + block, stop - start)
        words = generator.random_raw((end - begin) * words_each)
        # the upper 32 bits of each word; a row is an episode
        yield slice(begin, end), words.reshape(-1, words_each) >> np.uint64(32)


def first_of_shuffle(words_RM: Words, sizes_R: Ints) -> Ints:
    """The first M items of a Fisher-Yates shuffle of range(sizes[r]), for each row r.

    words_RM: 32-bit random numbers. Returns (R, M).
    """
    rows, steps = words_RM.shape
    largest = int(sizes_R.max())
    step_M = np.arange(steps)
    remaining_RM = (sizes_R[:, None] - step_M).astype(np.uint64)
    # a random number in [0, remaining): the word, scaled to that range
    offset_RM = words_RM * remaining_RM >> np.uint64(32)
    chosen_MR = (offset_RM.astype(np.intp) + step_M).T
    row_start_R = largest * np.arange(rows)
    chosen_MR = chosen_MR + row_start_R  # positions in the flat table
    items = np.arange(largest, dtype=np.min_scalar_type(largest))
    table = np.tile(items, (rows, 1))
    flat = table.ravel()  # a view of the table
    shuffled_MR = np.empty((steps, rows), dtype=np.int32)
    for step, chosen_R in enumerate(chosen_MR):
        # swap, but the chosen item need not be put into its place: nobody reads that again
        shuffled_MR[step] = flat[chosen_R]
        flat[chosen_R] = table[:, step]
    return shuffled_MR.T


@dataclass(frozen=True, eq=False)
class FixedEpisodes:
    """Episodes that a file holds."""

    episodes: Episodes

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`."""
        return self.episodes.part(start, stop)

    def fault(self, pool: Pool, ways: int, shots: int, groups: ImageGroups = ()) -> str:
        """Why they are not `ways`-way `shots`-shot episodes over `pool`; "" if they are.

        groups: of the images of the pool; a query must not share one with a support image.
        """
        return (
            self._fault_of_shapes(ways, shots)
            or self._fault_of_classes(pool)
            or self._fault_of_images(pool, shots)
            or self._fault_of_groups(pool, groups)
        )

    def _fault_of_shapes(self, ways: int, shots: int) -> str:
        classes = self.episodes.classes_TN
        support = self.episodes.support_TNK
        query = self.episodes.query_TNQ
        if (
            len(classes) > 0
            and classes.shape[1] == ways
            and support.shape[1:] == (ways, shots)
            and query.size > 0
        ):
            return ""
        shapes = f"{classes.shape}, {support.shape}, {query.shape}"
        return f"arrays {shapes} are not (T, {ways}), (T, {ways}, {shots}), (T, {ways}, Q)"

    def _fault_of_classes(self, pool: Pool) -> str:
        classes = self.episodes.classes_TN
        if classes.min() < 0 or classes.max() >= len(pool):
            return f"a class is none of the {len(pool)} test classes"
        in_order = np.sort(classes, axis=1)
        if (np.diff(in_order, axis=1) == 0).any():
            return "an episode holds a class twice"
        return ""

    def _fault_of_images(self, pool: Pool, shots: int) -> str:
        first_C, count_C = np.array(pool).T
        first_TN1 = first_C[self.episodes.classes_TN][:, :, None]
        end_TN1 = first_TN1 + count_C[self.episodes.classes_TN][:, :, None]
        images = np.concatenate([self.episodes.support_TNK, self.episodes.query_TNQ], axis=2)
        is_of_class = (images >= first_TN1) & (images < end_TN1)
        is_query_place = np.arange(images.shape[2]) >= shots
        is_padding = is_query_place & (images == NO_QUERY)
        if not (is_of_class | is_padding).all():
            return "an image is not of its class"
        if not self.episodes.is_query_TNQ.any(2).all():
            return "a class has no query"
        in_order = np.sort(images, axis=2)
        is_repeated = np.diff(in_order, axis=2) == 0
        if (is_repeated & (in_order[:, :, 1:] != NO_QUERY)).any():
            return "an image occurs twice in a class of an episode"
        return ""

    def _fault_of_groups(self, pool: Pool, groups: ImageGroups) -> str:
        if not groups:
            return ""
        group_of_image = in_data_set(pool, groups)
        for number, support_NK in enumerate(self.episodes.support_TNK):
            query_NQ = self.episodes.query_TNQ[number]
            queries = query_NQ[query_NQ != NO_QUERY]
            if np.isin(group_of_image[queries], group_of_image[support_NK]).any():
                return f"support and query of episode {number} share a group (--group-by)"
        return ""


def blocks(
    source: EpisodeSource, start: int, stop: int, size: int
) -> Iterator[tuple[int, Episodes]]:
    """(first episode, episodes) of each block of at most `size` episodes in [start, stop)."""
    for begin in range(start, stop, size):
        end = min(begin + size, stop)
        yield begin, source.draw(begin, end)


def prefixes(source: EpisodeSource, count: int, first: int = 0) -> dict[int, str]:
    """Digests (32 hex digits) of the first 1, 2, 4, ... and `count` episodes from `first` on.

    Equal digests mean equal episodes.
    """
    sha = hashlib.sha256()
    digests = {}
    done = 0
    for length in _prefix_lengths(count):
        for _, part in blocks(source, first + done, first + length, DIGEST_BLOCK):
            sha.update(_as_bytes(part))
        done = length
        digests[length] = sha.copy().hexdigest()[:32]
    return digests


def _prefix_lengths(count: int) -> list[int]:
    """The powers of two below `count`, and `count`."""
    lengths = []
    length = 1
    while length < count:
        lengths.append(length)
        length *= 2
    return [*lengths, count]


def _as_bytes(episodes: Episodes) -> bytes:
    """The indices of each episode, one episode after another, as little-endian int32."""
    count = len(episodes)
    classes = episodes.classes_TN.reshape(count, -1)
    support = episodes.support_TNK.reshape(count, -1)
    rows = np.concatenate([classes, support, episodes.all_queries_TA], axis=1)
    return rows.astype("<i4").tobytes()
