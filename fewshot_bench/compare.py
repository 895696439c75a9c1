"""Baselines against each other on the same episodes: paired differences, verdicts and ranks. Pure, as `leaderboard`.

Shapes: T episodes, N ways, Q queries a class, S training seeds.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from fewshot_bench import stats
from fewshot_bench.episode import NO_QUERY, Episodes
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.records import Answer, Record
from fewshot_bench.seeds import digest
from fewshot_bench.tally import Correct, Design

__all__ = ["LISTED", "MARGIN", "Entry", "compare", "entries", "ranks", "row_key", "which_test"]

LISTED = " | "  # between class names in a table: names may hold spaces and commas
MARGIN = 0.005  # half a point: differences within it are called equivalent


@dataclass(frozen=True, eq=False)
class Entry:
    """What one baseline answered to one question, over its training seeds: one row of a leaderboard."""

    answers: tuple[Answer, ...]

    @property
    def record(self) -> Record:
        """The record of its first seed: what it was asked, and how it was made."""
        return self.answers[0].record

    @property
    def name(self) -> str:
        """The baseline's."""
        return str(self.record.baseline["name"])

    def correct(self, episodes: int | None = None) -> Correct:
        """What was answered rightly in the first so many episodes; images are positions in the test classes' pool."""
        return _correct(self, self.record.episodes if episodes is None else episodes)

    @property
    def method(self) -> str:
        """What stays the same when it is asked another number of episodes: name, settings, file and version."""
        record = self.record
        return digest(self.name, record.baseline["settings"], record.baseline["sha256"], record.training["version"])

    @cached_property
    def table(self) -> str:
        """What rows of one table share: the question but for its shot value, and the preset."""
        p = self.record.protocol
        asked = [p[name] for name in ("train_classes", "test_classes", "ways", "queries", "episode_seed")]
        return digest(self.record.dataset["digest"], asked, self.record.baseline["preset"])


@lru_cache(maxsize=64)
def _correct(entry: Entry, episodes: int) -> Correct:
    pool = tuple((first, count) for first, count in entry.record.pool)
    design = _design(entry.answers[0].episodes, pool, episodes)
    return Correct(design, [answer.right_TNQ[:episodes] for answer in entry.answers])


@lru_cache(maxsize=16)
def _design(episodes: Episodes, pool: tuple[tuple[int, int], ...], count: int) -> Design:
    if count < len(episodes):
        return _design(episodes, pool, len(episodes)).first(count)
    labels = np.repeat(np.arange(len(pool)), [size for _, size in pool])
    position = np.full(max(first + size for first, size in pool) + 1, NO_QUERY, dtype=np.int32)  # the last: of padding
    position[np.concatenate([np.arange(first, first + size) for first, size in pool])] = np.arange(len(labels))
    return Design(episodes.classes_TN, position[episodes.support_TNK], position[episodes.query_TNQ], labels)


def row_key(record: Record) -> str:
    """What the seeds of one row share."""
    b = record.baseline
    protocol = {name: value for name, value in record.protocol.items() if name != "shots"}  # a run's list of them
    return digest(protocol, record.dataset["digest"], record.shots, record.episodes_digest, b["preset"], b["name"],
                  b["settings"], b["sha256"], record.training["version"])  # fmt: skip


def entries(answers: Sequence[Answer]) -> dict[str, Entry]:
    """The answers by row, each row's in the order of its seeds."""
    groups: dict[str, list[Answer]] = {}
    for answer in sorted(answers, key=lambda answer: answer.record.training["seed"]):
        groups.setdefault(row_key(answer.record), []).append(answer)
    return {key: Entry(tuple(group)) for key, group in groups.items()}


def _shared(first: Record, second: Record) -> int:
    """How many episodes, from the first on, two records share."""
    same = [n for n, found in first.episodes_digests.items() if second.episodes_digests.get(n) == found]
    return max(same, default=0)


def _difference(first: Entry, second: Entry) -> stats.Difference | None:
    """The paired difference on the episodes that both answered; None where there are none."""
    count = _shared(first.record, second.record)
    if count < 2:
        return None
    return stats.difference(first.correct(count), second.correct(count))


def _tables(found: Sequence[Entry]) -> list[list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in found:
        groups.setdefault(entry.table, []).append(entry)
    return list(groups.values())


def ranks(found: dict[str, Entry]) -> dict[str, int]:
    """1 + the number of baselines that are significantly better, by row; Holm over all pairs of a table."""
    keys = {id(entry): key for key, entry in found.items()}
    better: dict[str, set[str]] = {key: set() for key in found}
    for table in _tables(list(found.values())):
        pairs = [
            (first, second, difference)
            for first, second in itertools.combinations(table, 2)
            if first.record.shots == second.record.shots and (difference := _difference(first, second))
        ]
        adjusted = stats.holm([difference.p for _, _, difference in pairs])
        for (first, second, difference), p in zip(pairs, adjusted, strict=True):
            if p < 0.05:
                winner, loser = (first, second) if difference.mean > 0 else (second, first)
                better[keys[id(loser)]].add(winner.method)
    return {key: 1 + len(winners) for key, winners in better.items()}


COLUMNS = [
    "dataset", "protocol", "test_classes", "preset", "ways", "shots", "queries", "baseline", "settings", "reference",
    "episodes", "seeds", "difference", "ci95_low", "ci95_high", "kind", "p", "p_holm", "margin", "verdict",
]  # fmt: skip


def compare(found: dict[str, Entry], reference: str, margin: float = MARGIN) -> pd.DataFrame:
    """One row a baseline x shot value: its paired difference to `reference`, with interval, p, Holm's p and verdict.

    Differences are fractions. Holm's correction is over all rows. Raises `UserError` where no row is of `reference`, or
    where a table holds several with different settings.
    """
    rows, differences = [], []
    names = sorted({entry.name for entry in found.values()})
    if reference not in names:
        raise unknown("reference", reference, names)
    for table in _tables(list(found.values())):
        for shots in sorted({entry.record.shots for entry in table}):
            here = [entry for entry in table if entry.record.shots == shots]
            references = [entry for entry in here if entry.name == reference]
            if len({entry.method for entry in references}) > 1:
                raise UserError(
                    f"reference {reference!r} is there with different settings or versions; "
                    "keep such runs in separate --out folders"
                )
            for entry in (entry for entry in here if entry.name != reference and references):
                held = max(references, key=lambda other: _shared(entry.record, other.record))
                difference = _difference(entry, held)
                if difference is not None:
                    differences.append(difference)
                    rows.append(_row(entry, held, difference, margin))
    adjusted = stats.holm([difference.p for difference in differences])
    for row, difference, p in zip(rows, differences, adjusted, strict=True):
        row |= {"p_holm": p, "verdict": stats.verdict(difference, p, margin)}
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = ["dataset", "protocol", "test_classes", "preset", "ways", "queries", "shots"]
    return frame.sort_values([*order, "difference"], ascending=[*[True] * len(order), False], ignore_index=True)


def _row(entry: Entry, reference: Entry, difference: stats.Difference, margin: float) -> dict[str, object]:
    record, protocol = entry.record, entry.record.protocol
    return {
        "dataset": protocol["dataset"],
        "protocol": protocol["name"],
        "test_classes": LISTED.join(protocol["test_classes"]),
        "preset": record.baseline["preset"],
        "ways": protocol["ways"],
        "shots": record.shots,
        "queries": protocol["queries"] or "all",
        "baseline": entry.name,
        "settings": digest(record.baseline["settings"])[:12],
        "reference": reference.name,
        "episodes": _shared(record, reference.record),
        "seeds": min(len(entry.answers), len(reference.answers)),
        "difference": difference.mean,
        "ci95_low": difference.low,
        "ci95_high": difference.high,
        "kind": difference.kind,
        "p": difference.p,
        "margin": margin,
    }


def which_test(frame: pd.DataFrame) -> str:
    """One sentence: which test decided, and why."""
    exact = frame["kind"].isin(["mcnemar", "rule-of-three"]).any()
    return (
        "Paired differences on the same episodes, tested by the influence of each test image on the difference (episodes "
        "overlap, so a test over episodes would find any difference significant)"
        + (", or by McNemar's exact test where fewer than 10 images were answered differently" if exact else "")
        + (", with the variance of the training seeds" if (frame["seeds"] > 1).any() else ", for these trainings alone")
        + f"; p by Holm over {len(frame)} differences; equivalent: the 90 % interval lies within "
        + f"+-{100 * frame['margin'].max():g} points."
    )
