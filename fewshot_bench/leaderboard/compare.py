"""Rows against each other on the same episodes: paired differences, verdicts and ranks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.leaderboard.columns import COMPARISON, QUESTION
from fewshot_bench.leaderboard.record_columns import record_columns
from fewshot_bench.leaderboard.rows import Row, paired, shared
from fewshot_bench.seeds import digest
from fewshot_bench.stats import differences as stats

__all__ = ["MARGIN", "differences", "ranks", "which_test"]

MARGIN = 0.005  # half a point: differences within it are called equivalent
SIGNIFICANT = 0.05


def _difference(first: Row, second: Row) -> stats.Difference | None:
    """The paired difference on what both answered; None where that is too little."""
    both = paired(first, second)
    if both is None:
        return None
    if first.is_classification:
        return stats.difference_over_runs(*both, first.shares_C)
    return stats.difference(*both)


def _rankings(rows: Iterable[Row]) -> list[list[Row]]:
    """Rows that answer the same question."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(row.question, []).append(row)
    return list(groups.values())


def _by_condition(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows with the same shot value or train size."""
    groups: dict[float, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.record.condition, []).append(row)
    yield from groups.values()


def ranks(rows: dict[str, Row]) -> dict[str, int]:
    """1 + the number of baselines that are significantly better, by row key.

    p is corrected by Holm over all pairs of a ranking.
    """
    keys = {id(row): key for key, row in rows.items()}
    better: dict[str, set[str]] = {key: set() for key in rows}
    for ranking in _rankings(rows.values()):
        pairs = []
        for first, second in itertools.combinations(ranking, 2):
            if first.record.condition != second.record.condition:
                continue
            difference = _difference(first, second)
            if difference is not None:
                pairs.append((first, second, difference))
        adjusted = stats.holm([difference.p for _, _, difference in pairs])
        for (first, second, difference), p in zip(pairs, adjusted, strict=True):
            if p < SIGNIFICANT:
                winner = first if difference.mean > 0 else second
                loser = second if difference.mean > 0 else first
                better[keys[id(loser)]].add(winner.method)
    return {key: 1 + len(winners) for key, winners in better.items()}


def differences(rows: dict[str, Row], reference: str, margin: float = MARGIN) -> pd.DataFrame:
    """The paired difference of each row to the reference, with interval, p, Holm's p and verdict.

    reference: the name of a row, or of a baseline with one method for each question. Differences
    and margin are fractions. Holm's correction is over all rows of the table. Raises `UserError`
    where no row is the reference, or several methods are.
    """
    if not any(_references(beside, reference) for beside in _beside(rows.values())):
        names = sorted({row.name for row in rows.values()})
        raise unknown("reference", reference, names)
    compared = list(_compared(rows.values(), reference))
    adjusted = stats.holm([difference.p for _, _, difference in compared])
    table = []
    for (row, held, difference), p in zip(compared, adjusted, strict=True):
        columns = _comparison_row(row, held, difference)
        verdict = stats.verdict(difference, p, margin)
        table.append({**columns, "margin": margin, "p_holm": p, "verdict": verdict})
    frame = pd.DataFrame(table, columns=list(COMPARISON))
    return _sorted(frame)


def _beside(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows that answer one question with one shot value or train size."""
    for ranking in _rankings(rows):
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
            held = max(references, key=lambda other: shared(row, other))
            difference = _difference(row, held)
            if difference is not None:
                yield row, held, difference


def _comparison_row(row: Row, held: Row, difference: stats.Difference) -> dict[str, Any]:
    """What a table of differences says of one row, without p of Holm and verdict."""
    columns = record_columns(row.record, row.name)
    episodes, trainings = shared(row, held)
    return {
        **columns,
        "settings": digest(row.record.baseline.settings)[:12],
        "reference": held.name,
        "episodes": episodes,
        "seeds": trainings,
        "difference": difference.mean,
        "ci95_low": difference.low,
        "ci95_high": difference.high,
        "kind": difference.kind,
        "p": difference.p,
    }


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    """By question, then by condition, then the largest difference first."""
    first = ["dataset", "protocol", "test_classes", "preset", "ways", "queries"]
    others = [name for name in QUESTION if name not in first]
    order = [*first, *others, "train_size", "shots"]
    ascending = [True] * len(order)
    return frame.sort_values(
        [*order, "difference"], ascending=[*ascending, False], ignore_index=True
    )


OVER_EPISODES = (
    "Paired differences on the same episodes, tested by the influence of each test image on the "
    "difference (episodes overlap, so a test over episodes would find any difference significant)"
)
OVER_RUNS = (
    "Paired differences on the same runs, tested by their spread over runs and over test images"
)
EXACT = ", or by McNemar's exact test where fewer than 10 images were answered differently"


def which_test(frame: pd.DataFrame) -> str:
    """One sentence: which test decided, and why."""
    is_run = frame["train_size"].notna()
    tests = []
    if not is_run.all():
        tests.append(OVER_EPISODES)
    if is_run.any():
        tests.append(OVER_RUNS)
    is_exact = frame["kind"].isin(["mcnemar", "rule-of-three"]).any()
    has_seeds = (frame["seeds"] > 1).any()
    trainings = "with the variance of the trainings" if has_seeds else "for these trainings alone"
    margin = 100 * frame["margin"].max()
    return (
        f"{'; '.join(tests)}{EXACT if is_exact else ''}, {trainings}; p by Holm over {len(frame)} "
        f"differences; equivalent: the 90 % interval lies within +-{margin:g} points."
    )
