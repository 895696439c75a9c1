"""A record with its episodes and what was answered in them, read part by part where they are many.

Shapes: T episodes, N ways, Q queries a class, A queries of an episode, of all kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED
from fewshot_bench.protocols.episode import Episodes, EpisodeSource
from fewshot_bench.records.answer_files import AnswerFile
from fewshot_bench.records.answered import Answered
from fewshot_bench.records.held import HELD
from fewshot_bench.records.record import Record

__all__ = ["EpisodeRun", "Predictions", "of_ways"]

SMALL = 2_000_000  # queries of all episodes up to which they are handled at once
BLOCK = 250_000  # queries handled at once where there are more
MOST_KEPT = 128 * 2**20  # bytes of the episodes of one run: others are drawn again


@dataclass(frozen=True, eq=False)
class EpisodeRun:
    """The episodes of a record: `count` of a source, from `first` on.

    images: no index of an image is above this.
    """

    source: EpisodeSource
    first: int
    count: int
    images: int

    @cached_property
    def one(self) -> Episodes:
        """The first of them."""
        return self.source.draw(self.first, self.first + 1)

    @cached_property
    def queries(self) -> int:
        """Queries of an episode, of all kinds, A; padding counts."""
        return int(self.one.all_queries_TA.shape[1])

    @cached_property
    def is_small(self) -> bool:
        """Whether all episodes are handled at once."""
        return self.count * self.queries <= SMALL

    @property
    def block(self) -> int:
        """How many episodes are handled at once."""
        return self.count if self.is_small else max(1, BLOCK // self.queries)

    @property
    def whole(self) -> Episodes:
        """All episodes."""
        if not self.is_small:
            return self.draw(0, self.count)
        key = ("episodes", self)
        return HELD.get(key, lambda: self.source.draw(self.first, self.first + self.count), _size)

    def draw(self, start: int, stop: int) -> Episodes:
        """Episodes `start` to `stop - 1`, counted from the first of the run."""
        if self.is_small:
            return self.whole.part(start, stop)
        return self.source.draw(self.first + start, self.first + stop)

    def blocks(self) -> Iterator[Episodes]:
        """All episodes, so many at once as `block` says."""
        has_further = self.one.known_TMQ is not None or self.one.unknown_TU is not None
        part = self.draw if has_further else self.kept
        for start in range(0, self.count, self.block):
            yield part(start, min(start + self.block, self.count))

    def kept(self, start: int, stop: int) -> Episodes:
        """As `draw`, for blocks that are asked for again: if all of them fit, they are held.

        Where there are further queries, these may be missing.
        """
        if self.is_small or _Table.size(self) > MOST_KEPT:
            return self.draw(start, stop)
        table = HELD.get(("table", self), lambda: _Table(self), lambda made: made.size(self))
        return table.part(start, stop)


class _Table:
    """The episodes of a run in one array, filled with the blocks that are asked for.

    In one piece, as memory of many small pieces does not go back to the system.
    """

    def __init__(self, run: EpisodeRun) -> None:
        self._run = run
        self._filled: set[tuple[int, int]] = set()
        self._images_TV = np.empty((run.count, self._width(run.one)), self._dtype(run))

    @staticmethod
    def _width(one: Episodes) -> int:
        return int(one.classes_TN.size + one.support_TNK.size + one.query_TNQ.size)

    @staticmethod
    def _dtype(run: EpisodeRun) -> np.dtype[np.signedinteger[Any]]:
        is_small = run.images <= np.iinfo(np.int16).max
        return np.dtype(np.int16 if is_small else np.int32)

    @classmethod
    def size(cls, run: EpisodeRun) -> int:
        """How many bytes it takes, or would."""
        return run.count * cls._width(run.one) * cls._dtype(run).itemsize

    def part(self, start: int, stop: int) -> Episodes:
        """The same block as `EpisodeRun.draw` gives, without further queries."""
        rows_TV = self._images_TV[start:stop]
        if (start, stop) not in self._filled:
            drawn = self._run.draw(start, stop)
            arrays = [drawn.classes_TN, drawn.support_TNK, drawn.query_TNQ]
            flat = [array.reshape(stop - start, -1) for array in arrays]
            np.concatenate(flat, axis=1, out=rows_TV, casting="same_kind")
            self._filled.add((start, stop))
        one = self._run.one
        ways = one.classes_TN.shape[1]
        end = ways + one.support_TNK.size
        support_TNK = rows_TV[:, ways:end].reshape(-1, *one.support_TNK.shape[1:])
        query_TNQ = rows_TV[:, end:].reshape(-1, *one.query_TNQ.shape[1:])
        return Episodes(rows_TV[:, :ways], support_TNK, query_TNQ)


def _size(episodes: Episodes) -> int:
    """How many bytes they take."""
    arrays = [episodes.classes_TN, episodes.support_TNK, episodes.query_TNQ]
    for further in (episodes.known_TMQ, episodes.unknown_TU):
        if further is not None:
            arrays.append(further)
    return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, eq=False)
class Predictions:
    """A record with its episodes, and the file of what was answered in them."""

    record: Record
    run: EpisodeRun
    file: AnswerFile

    @property
    def episodes(self) -> Episodes:
        """All episodes."""
        return self.run.whole

    @property
    def answered(self) -> Answered:
        """All that was answered. Raises `UserError` where the file is damaged."""
        if not self.run.is_small:
            return self._whole()
        return HELD.get(("answered", self.file), self._whole, _size_of_answers)

    def check(self) -> None:
        """Raise an error of `DAMAGED`, or `UserError`, where the file is not as the record says."""
        if self.run.is_small:
            _ = self.answered  # it is read at once
        else:
            self.file.check()

    def _whole(self) -> Answered:
        (answered,) = self._read(self.run.count)
        return answered

    def answers(self) -> Iterator[Answered]:
        """What was answered, in the blocks of the run. Raises `UserError` as `answered`."""
        if self.run.is_small:
            yield self.answered
        else:
            yield from self._read(self.run.block)

    def parts(self) -> Iterator[tuple[Episodes, Answered]]:
        """Episodes with what was answered in them, in the blocks of the run."""
        return zip(self.run.blocks(), self.answers(), strict=True)

    @property
    def predicted_TNQ(self) -> npt.NDArray[np.uint8]:
        """The class predicted for each query of the ways."""
        return of_ways(self.episodes, self.answered)

    def _read(self, block: int) -> Iterator[Answered]:
        try:
            yield from self.file.parts(block)
        except DAMAGED as error:
            raise UserError(
                f"{self.file.path} cannot be used ({error}); remove its record and run again"
            ) from None


def of_ways(episodes: Episodes, answered: Answered) -> npt.NDArray[np.uint8]:
    """The class predicted for each query of the ways, (T, N, Q)."""
    shape = episodes.query_TNQ.shape
    predicted_TA = answered.predicted_TA[:, : shape[1] * shape[2]]
    return predicted_TA.reshape(shape)


def _size_of_answers(answered: Answered) -> int:
    ranks = 0 if answered.ranks_TA is None else answered.ranks_TA.nbytes
    return answered.predicted_TA.nbytes + ranks
