"""What one baseline answered to one question, over its trainings: one row of a leaderboard.

Shapes: T episodes, N ways, Q queries a class, S training seeds, R runs, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from fewshot_bench.protocols.episode import NO_QUERY, Episodes, Pool, together
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.records.folder import Predictions
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest
from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness, Design

__all__ = ["Row", "paired", "row_key", "rows_of", "shared"]

Floats = npt.NDArray[np.float64]
A_RUNS_OWN = (
    "shots",
    "train_sizes",
    "runs",
)  # a run's list of what it asked, which rows of another run may share


@dataclass(frozen=True, eq=False)
class Row:
    """Answers of one baseline to one question: one a training seed, or one a run of a classification protocol."""

    answers: tuple[Predictions, ...]

    @property
    def record(self) -> Record:
        """The record of its first training: what it was asked, and how it was made."""
        return self.answers[0].record

    @property
    def name(self) -> str:
        """The baseline's."""
        return str(self.record.baseline["name"])

    @property
    def is_classification(self) -> bool:
        """Whether its answers are of runs, each on its own split of the images."""
        return isinstance(self.record.asked, Classification)

    def correct(self, episodes: int | None = None) -> Correctness:
        """What was answered rightly in the first so many episodes; images are positions in the test classes' pool.

        Runs are episodes of one training, as each has its own images.
        """
        return _correct(self, self.record.episodes if episodes is None else episodes)

    @property
    def predicted_STNQ(self) -> list[npt.NDArray[np.uint8]]:
        """The class predicted for each query, by seed."""
        predicted = [answer.predicted_TNQ for answer in self.answers]
        return [np.concatenate(predicted)] if self.is_classification else predicted

    @property
    def shares_C(self) -> Floats:
        """The share of the test images of a run that each class has."""
        asked_C = self.correct().design.queries_TN[0]
        return np.asarray(asked_C / asked_C.sum())

    def estimate(self, weights_C: Floats | None = None) -> stats.Estimate:
        """Mean accuracy with its interval; over runs that of the classes so weighted, by default as often as they come."""
        if not self.is_classification:
            return stats.estimate(self.correct())
        return stats.estimate_over_runs(
            self.correct(), self.shares_C if weights_C is None else weights_C
        )

    @property
    def method(self) -> str:
        """What stays the same when it is asked another number of episodes: name, settings, file and version."""
        record = self.record
        return digest(
            self.name,
            record.baseline["settings"],
            record.baseline["sha256"],
            record.training["version"],
        )

    @cached_property
    def table(self) -> str:
        """What rows of one table share: the question but for its shot value or train size, and the preset."""
        asked = {
            **self.record.protocol,
            **dict.fromkeys((*A_RUNS_OWN, "name", "dataset", "episodes")),
        }
        return digest(self.record.dataset["digest"], asked, self.record.baseline["preset"])


@lru_cache(maxsize=64)
def _correct(entry: Row, episodes: int) -> Correctness:
    pool = tuple((first, count) for first, count in entry.record.pool)
    asked = [answer.episodes for answer in entry.answers]
    if entry.is_classification:
        asked, episodes = [together(asked)], len(asked)
    design = _design(asked[0], pool, episodes)
    true_TN1 = asked[0].classes_TN[:episodes, :, None].astype(np.uint8)
    return Correctness(
        design, [predicted[:episodes] == true_TN1 for predicted in entry.predicted_STNQ]
    )


@lru_cache(maxsize=16)
def _design(episodes: Episodes, pool: Pool, count: int) -> Design:
    if count < len(episodes):
        return _design(episodes, pool, len(episodes)).first(count)
    labels = np.repeat(np.arange(len(pool)), [size for _, size in pool])
    position = np.full(
        max(first + size for first, size in pool) + 1, NO_QUERY, dtype=np.int32
    )  # the last: of padding
    position[np.concatenate([np.arange(first, first + size) for first, size in pool])] = np.arange(
        len(labels)
    )
    return Design(
        episodes.classes_TN, position[episodes.support_TNK], position[episodes.query_TNQ], labels
    )


def row_key(record: Record) -> str:
    """What the trainings of one row share."""
    b = record.baseline
    asked = {name: value for name, value in record.protocol.items() if name not in A_RUNS_OWN}
    episodes = record.episodes_digest if record.train_size is None else record.at
    return digest(asked, record.dataset["digest"], record.shots, episodes, b["preset"], b["name"], b["settings"],
                  b["sha256"], record.training["version"])  # fmt: skip


def rows_of(answers: Sequence[Predictions]) -> dict[str, Row]:
    """The answers by row, each row's in the order of its seeds or runs."""
    groups: dict[str, list[Predictions]] = {}
    for answer in sorted(answers, key=lambda answer: answer.record.training["seed"]):
        groups.setdefault(row_key(answer.record), []).append(answer)
    return {key: Row(tuple(group)) for key, group in groups.items()}


def shared(first: Row, second: Row) -> tuple[int, int]:
    """(episodes, trainings) that two entries can be compared on: the first episodes, and the same runs."""
    if first.is_classification != second.is_classification:
        return 0, 0
    if first.is_classification:
        return 1, len(_runs(first) & _runs(second))
    mine, theirs = first.record.episodes_digests, second.record.episodes_digests
    same = [count for count, found in mine.items() if theirs.get(count) == found]
    return max(same, default=0), min(len(first.answers), len(second.answers))


def paired(first: Row, second: Row) -> tuple[Correctness, Correctness] | None:
    """What both answered rightly of what both were asked; None where that is too little for a difference."""
    episodes, trainings = shared(first, second)
    if first.is_classification and trainings:
        runs = _runs(first) & _runs(second)
        return _only(first, runs).correct(), _only(second, runs).correct()
    return (first.correct(episodes), second.correct(episodes)) if episodes >= 2 else None


def _runs(entry: Row) -> set[str]:
    return {answer.record.episodes_digest for answer in entry.answers}


def _only(entry: Row, runs: set[str]) -> Row:
    kept = tuple(answer for answer in entry.answers if answer.record.episodes_digest in runs)
    return entry if len(kept) == len(entry.answers) else Row(kept)
