"""Rows against each other on the same episodes: paired differences, verdicts and places."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fewshot_bench.data.reading import told
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.leaderboard.columns import BY_CONDITION, COMPARISON, QUESTION
from fewshot_bench.leaderboard.open_rows import harmonic_difference
from fewshot_bench.leaderboard.pair_rows import difference_on_pairs, number_of_pairs
from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.leaderboard.rows import (
    Row,
    paired,
    shared_episodes,
    shared_runs,
    shares_of_classes,
)
from fewshot_bench.lists import points
from fewshot_bench.seeds import digest
from fewshot_bench.stats import differences as stats
from fewshot_bench.stats.verdicts import (
    holm,
    is_decided,
    level_of_undecided,
    levels,
    tie_letters,
    verdict,
    would_decide,
)

__all__ = ["MARGIN", "Place", "differences", "paired_difference", "places", "which_test"]

MARGIN = 0.5  # percentage points: differences within them are called equivalent


def paired_difference(first: Row, second: Row) -> stats.Difference | None:
    """The paired difference on what both answered; None where that is too little."""
    if first.is_of_pairs and second.is_of_pairs:
        return difference_on_pairs(first.pair_row, second.pair_row)
    if first.has_known and second.has_known:
        episodes = shared_episodes(first, second)
        if episodes < 2:
            return None
        return harmonic_difference(first.open_row(episodes), second.open_row(episodes))
    both = paired(first, second)
    if both is None:
        return None
    if first.is_classification:
        return stats.difference_over_runs(*both, shares_of_classes(both[0]))
    return stats.difference(*both)


def _rankings(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that answer the same question."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.question, []).append(row)
    return list(groups.values())


def _by_condition(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows with the same shot value, train size or number of pairs."""
    groups: dict[tuple[float, int | None], list[Row]] = {}
    for row in rows:
        condition = (row.record.condition, number_of_pairs(row.record))
        groups.setdefault(condition, []).append(row)
    yield from groups.values()


@dataclass(frozen=True)
class Place:
    """Where a row stands among those of its question and condition.

    rank: 1 + the number of methods that are significantly better; ties: letters that it shares with
    each row that it is not shown to differ from; would_decide: for the most accurate row, what
    would tell it from the next one, if they are tied.
    """

    rank: int
    ties: str = ""
    would_decide: str = ""


Pairs = dict[tuple[str, str], stats.Difference]  # of row keys, the more accurate row first


def places(rows: dict[str, Row]) -> dict[str, Place]:
    """The place of each row, by row key.

    p is corrected by Holm over all pairs of a ranking, at all of its shot values or train sizes.
    """
    keys = {id(row): key for key, row in rows.items()}
    found: dict[str, Place] = {}
    in_turn = _rankings(rows.values())
    for ranking in told(in_turn, "comparing rows: rankings", len(in_turn)):
        ordered: list[list[str]] = []
        pairs: Pairs = {}
        for beside in _by_condition(ranking):
            best_first = sorted(beside, key=lambda row: row.estimate().accuracy, reverse=True)
            ordered.append([keys[id(row)] for row in best_first])
            for first, second in itertools.combinations(best_first, 2):
                difference = paired_difference(first, second)
                if difference is not None:
                    pairs[keys[id(first)], keys[id(second)]] = difference
        adjusted = holm([difference.p for difference in pairs.values()])
        open_level = level_of_undecided(adjusted)
        decided = set()
        for pair, p in zip(pairs, adjusted, strict=True):
            if is_decided(p):
                decided.add(pair)
        for names in ordered:
            found.update(_places_of(names, rows, pairs, decided, open_level))
    return found


def _places_of(
    keys: list[str],
    rows: dict[str, Row],
    pairs: Pairs,
    decided: set[tuple[str, str]],
    open_level: float,
) -> dict[str, Place]:
    """The places of rows of one condition. keys: the most accurate first.

    open_level: of the intervals beside pairs that are not decided.
    """
    positions = {key: position for position, key in enumerate(keys)}
    better: dict[str, set[str]] = {key: set() for key in keys}
    different = []
    for first, second in itertools.combinations(keys, 2):
        if (first, second) not in decided:
            continue
        different.append((positions[first], positions[second]))
        # on the episodes that both answered, the mean may order them the other way
        is_first = pairs[first, second].mean > 0
        winner, loser = (first, second) if is_first else (second, first)
        better[loser].add(rows[winner].method)
    letters = tie_letters(len(keys), different)
    found = {}
    for key, text in zip(keys, letters, strict=True):
        found[key] = Place(rank=1 + len(better[key]), ties=text)
    leaders = tuple(keys[:2])
    if leaders in pairs and leaders not in decided:
        needed = would_decide(pairs[leaders], open_level)
        against = f"between it and {rows[keys[1]].name}: {needed}"
        found[keys[0]] = dataclasses.replace(found[keys[0]], would_decide=against)
    return found


def differences(rows: dict[str, Row], reference: str, margin: float = MARGIN) -> pd.DataFrame:
    """The paired difference of each row to the reference, with interval, p, Holm's p and verdict.

    reference: the name of a row, or of a baseline with one method for each question; margin: in
    percentage points. All numbers of the table are fractions, its margin too. Holm's correction is
    over all rows of the table; `low` and `high` are the interval at that `level` which agrees with
    it. Raises `UserError` where no row is the reference, or several methods are, and for a margin
    out of bounds.
    """
    fraction = points("--margin", margin) / 100
    if not any(_references(beside, reference) for beside in _beside(rows.values())):
        names = sorted({row.name for row in rows.values()})
        raise unknown("reference", reference, names)
    compared = list(_compared(rows.values(), reference))
    adjusted = holm([difference.p for _, _, difference in compared])
    table = []
    for (row, held, difference), p, level in zip(compared, adjusted, levels(adjusted), strict=True):
        columns = _comparison_row(row, held, difference)
        low, high = difference.interval(level)
        decision = verdict(difference, p, fraction)
        decided = {
            "low": low,
            "high": high,
            "level": level,
            "margin": fraction,
            "p_holm": p,
            "verdict": decision,
            "would_decide": would_decide(difference, level) if decision == "undecided" else "",
        }
        table.append({**columns, **decided})
    frame = pd.DataFrame(table, columns=list(COMPARISON)).astype({"pairs": "Int64"})
    return _sorted(frame)


def _beside(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows that answer one question with one shot value or train size."""
    in_turn = _rankings(rows)
    for ranking in told(in_turn, "comparing rows: rankings", len(in_turn)):
        yield from _by_condition(ranking)


def _references(beside: list[Row], reference: str) -> list[Row]:
    """The rows that are the reference; empty where there is none.

    The name of a baseline stands for all rows of one method, which differ in their episodes. Raises
    `UserError` where it stands for several methods.
    """
    named = [row for row in beside if row.name == reference]
    if named and named[0].baseline != reference:
        return named
    candidates = named or [row for row in beside if row.baseline == reference]
    methods = {row.method for row in candidates}
    if len(methods) > 1:
        names = sorted({row.name for row in candidates})
        raise UserError(
            f"reference {reference!r} is there with several settings (allowed: "
            f"{', '.join(names)}); name one of them"
        )
    return [row for row in beside if row.method in methods]


def _compared(rows: Iterable[Row], reference: str) -> Iterator[tuple[Row, Row, stats.Difference]]:
    """(row, row of the reference, difference) of all that can be compared."""
    for beside in _beside(rows):
        references = _references(beside, reference)
        methods = {row.method for row in references}
        others = [row for row in beside if row.method not in methods]
        for row in others if references else ():
            # of several numbers of episodes, that which shares most with the row
            held = max(references, key=lambda other: _shared(row, other))
            difference = paired_difference(row, held)
            if difference is not None:
                yield row, held, difference


def _shared(first: Row, second: Row) -> tuple[int, int]:
    """What two rows share: episodes, then runs."""
    return shared_episodes(first, second), len(shared_runs(first, second))


def _comparison_row(row: Row, held: Row, difference: stats.Difference) -> dict[str, Any]:
    """What a table of differences says of one row, without what Holm's correction decides."""
    columns = record_columns(row.record, row.name)
    episodes, runs = _shared(row, held)
    low, high = difference.interval(0.95)
    return {
        **columns,
        "settings": digest(row.record.baseline.settings)[:12],
        "reference": held.name,
        "episodes": episodes,
        "seeds": runs or len(row.predictions),
        "reference_seeds": runs or len(held.predictions),
        "difference": difference.mean,
        "ci95_low": low,
        "ci95_high": high,
        "kind": difference.kind,
        "p": difference.p,
    }


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By question, then by condition, then the largest difference first."""
    first = ["dataset", "protocol", "test_classes", "preset", "ways", "queries"]
    others = [name for name in QUESTION if name not in first]
    order = [*first, *others, *BY_CONDITION]
    ascending = [True] * len(order)
    return frame.sort_values(
        [*order, "difference"], ascending=[*ascending, False], ignore_index=True
    )


OVER_EPISODES = (
    "Paired differences on the same episodes, tested by what leaving out each test image does to "
    "them (episodes overlap, so a test over episodes would find any difference significant)"
)
OVER_PAIRS = (
    "Paired differences on the same pairs of images, tested by how pairs that share an image are "
    "answered alike"
)
OVER_RUNS = (
    "Paired differences on the same runs, tested by their spread over runs and over test images"
)


def which_test(frame: pd.DataFrame) -> str:
    """One sentence: which test decided, and why."""
    is_run = frame["train_size"].notna()
    is_pair = frame["pairs"].notna()
    tests = []
    if not (is_run | is_pair).all():
        tests.append(OVER_EPISODES)
    if is_pair.any():
        tests.append(OVER_PAIRS)
    if is_run.any():
        tests.append(OVER_RUNS)
    trainings = "for these trainings alone"
    if (frame[["seeds", "reference_seeds"]] > 1).any(axis=None):
        trainings = "with the variance of all trainings of both that the folder holds"
    margin = 100 * frame["margin"].max()
    tested = frame["p"].count()
    if not tested:
        return "No difference could be tested: the notes of the leaderboard say why."
    return (
        f"{'; '.join(tests)}, {trainings}; p by Holm over {tested} differences, and beside each "
        "the interval that agrees with it; equivalent: the 90 % interval lies within "
        f"+-{margin:g} points."
    )
