"""Which queries the trainings of a row answered rightly, in what their episodes hold.

What is made of many episodes is held as long as memory for it is free, and made anew after that.

Shapes: T episodes, N ways, K shots, Q queries a class, M test images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.protocols.episode import Episodes, in_data_set, together
from fewshot_bench.records.held import HELD
from fewshot_bench.records.predictions import EpisodeRun, Predictions, of_ways
from fewshot_bench.records.record import Record
from fewshot_bench.stats.correctness import Correctness, PackedBits, Right
from fewshot_bench.stats.design import AnyDesign, Design, DrawnDesign, Images, Ints

__all__ = ["right_answers"]


def right_answers(predictions: Sequence[Predictions], episodes: int) -> Correctness:
    """Which queries of the first so many episodes were answered rightly, by seed.

    Images are positions in the pool of the test classes. Runs count as episodes of one training,
    since each run has its own images.
    """
    first = predictions[0]
    record = first.record
    if record.protocol.is_classification:
        design: AnyDesign = _Positions.of(record).design([one.episodes for one in predictions])
        predicted = np.concatenate([one.predicted_TNQ for one in predictions])
        return Correctness(design, [_is_right(predicted, design.classes_TN)])
    key = ("design", first.run, record.pool, record.groups, episodes)
    design = HELD.get(key, lambda: _design(first.run, record, episodes), lambda made: made.nbytes)
    right: list[Right] = []
    for one in predictions:
        if first.run.is_small:
            right.append(_is_right(one.predicted_TNQ[:episodes], design.classes_TN))
        else:
            right.append(_packed(one, design))
    return Correctness(design, right)


def _is_right(predicted_TNQ: npt.NDArray[np.uint8], classes_TN: Ints) -> npt.NDArray[np.bool_]:
    return np.asarray(predicted_TNQ == classes_TN[:, :, None].astype(np.uint8))


def _packed(one: Predictions, design: AnyDesign) -> PackedBits:
    """What was answered rightly in the episodes of the design, read block by block."""
    episodes = len(design)
    right = PackedBits((episodes, *one.run.one.query_TNQ.shape[1:]))
    start = 0
    for part, answered in one.parts():
        rows = slice(start, min(start + len(part), episodes))
        predicted_TNQ = of_ways(part, answered)[: rows.stop - start]
        right[rows] = _is_right(predicted_TNQ, design.classes_TN[rows])
        start = rows.stop
        if start == episodes:
            break
    return right


def _design(run: EpisodeRun, record: Record, episodes: int) -> AnyDesign:
    """The design of the first episodes of a run."""
    positions = _Positions.of(record)
    if run.is_small:
        return positions.design([run.whole]).first(episodes)

    def draw(start: int, stop: int) -> Images:
        return positions.images(run.kept(start, stop))

    labels_M = positions.labels_M
    return DrawnDesign(draw, episodes, run.block, labels_M, positions.groups_M)


@dataclass(frozen=True, eq=False)
class _Positions:
    """Images of a data set as positions in the pool. of_image: their positions, by index."""

    of_image: npt.NDArray[np.int32]
    labels_M: Ints
    groups_M: Ints | None

    @classmethod
    def of(cls, record: Record) -> _Positions:
        """In the pool of a record."""
        sizes = [size for _, size in record.pool]
        labels_M = np.repeat(np.arange(len(sizes)), sizes)
        of_image = in_data_set(record.pool, np.arange(len(labels_M))).astype(np.int32)
        groups_M = np.array(record.groups) if record.groups else None
        return cls(of_image, labels_M, groups_M)

    def images(self, episodes: Episodes) -> Images:
        """The classes, and the references and queries as positions."""
        support_TNK = self.of_image[episodes.support_TNK]
        return episodes.classes_TN, support_TNK, self.of_image[episodes.query_TNQ]

    def design(self, runs: Sequence[Episodes]) -> Design:
        """The design of runs of episodes, one after another."""
        whole = runs[0] if len(runs) == 1 else together(runs)
        return Design(*self.images(whole), self.labels_M, self.groups_M)
