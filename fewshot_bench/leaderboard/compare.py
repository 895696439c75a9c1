"""Baselines against each other on the same episodes: paired differences, verdicts and ranks. Pure, as `tables`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.leaderboard.rows import Row, paired, shared
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.protocols.split import size_text
from fewshot_bench.records.record import Record
from fewshot_bench.seeds import digest
from fewshot_bench.stats import intervals as stats

__all__ = ["LISTED", "MARGIN", "differences", "queries_of", "ranks", "which_test"]

LISTED = " | "  # between class names in a table: names may hold spaces and commas
MARGIN = 0.005  # half a point: differences within it are called equivalent


def _difference(first: Row, second: Row) -> stats.Difference | None:
    """The paired difference on what both answered; None where there is nothing."""
    both = paired(first, second)
    if both is None:
        return None
    return (
        stats.difference_over_runs(*both, first.shares_C)
        if first.is_classification
        else stats.difference(*both)
    )


def _tables(found: Sequence[Row]) -> list[list[Row]]:
    groups: dict[str, list[Row]] = {}
    for entry in found:
        groups.setdefault(entry.table, []).append(entry)
    return list(groups.values())


def ranks(found: dict[str, Row]) -> dict[str, int]:
    """1 + the number of baselines that are significantly better, by row; Holm over all pairs of a table."""
    keys = {id(entry): key for key, entry in found.items()}
    better: dict[str, set[str]] = {key: set() for key in found}
    for table in _tables(list(found.values())):
        pairs = [
            (first, second, difference)
            for first, second in itertools.combinations(table, 2)
            if first.record.at == second.record.at and (difference := _difference(first, second))
        ]
        adjusted = stats.holm([difference.p for _, _, difference in pairs])
        for (first, second, difference), p in zip(pairs, adjusted, strict=True):
            if p < 0.05:
                winner, loser = (first, second) if difference.mean > 0 else (second, first)
                better[keys[id(loser)]].add(winner.method)
    return {key: 1 + len(winners) for key, winners in better.items()}


COLUMNS = [
    "dataset", "protocol", "test_classes", "preset", "ways", "shots", "train_size", "queries", "baseline", "settings",
    "reference", "episodes", "seeds", "difference", "ci95_low", "ci95_high", "kind", "p", "p_holm", "margin", "verdict",
]  # fmt: skip


def differences(found: dict[str, Row], reference: str, margin: float = MARGIN) -> pd.DataFrame:
    """One row a baseline x shot value: its paired difference to `reference`, with interval, p, Holm's p and verdict.

    Differences are fractions. Holm's correction is over all rows. Raises `UserError` where no row is of `reference`, or
    where a table holds several with different settings.
    """
    rows, shown = [], []
    names = sorted({entry.name for entry in found.values()})
    if reference not in names:
        raise unknown("reference", reference, names)
    for table in _tables(list(found.values())):
        for at in {entry.record.at for entry in table}:
            here = [entry for entry in table if entry.record.at == at]
            references = [entry for entry in here if entry.name == reference]
            if len({entry.method for entry in references}) > 1:
                raise UserError(
                    f"reference {reference!r} is there with different settings or versions; "
                    "keep such runs in separate --out folders"
                )
            for entry in (entry for entry in here if entry.name != reference and references):
                held = max(references, key=lambda other: shared(entry, other))
                difference = _difference(entry, held)
                if difference is not None:
                    shown.append(difference)
                    rows.append(_row(entry, held, difference, margin))
    adjusted = stats.holm([difference.p for difference in shown])
    for row, difference, p in zip(rows, shown, adjusted, strict=True):
        row |= {"p_holm": p, "verdict": stats.verdict(difference, p, margin)}
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = [
        "dataset",
        "protocol",
        "test_classes",
        "preset",
        "ways",
        "queries",
        "train_size",
        "shots",
    ]
    return frame.sort_values(
        [*order, "difference"], ascending=[*[True] * len(order), False], ignore_index=True
    )


def _row(
    entry: Row, reference: Row, difference: stats.Difference, margin: float
) -> dict[str, object]:
    record, asked = entry.record, entry.record.asked
    episodes, trainings = shared(entry, reference)
    return {
        "dataset": asked.dataset,
        "protocol": asked.name,
        "test_classes": LISTED.join(asked.test_classes),
        "preset": record.baseline["preset"],
        "ways": asked.ways,
        "shots": record.shots,
        "train_size": record.train_size,
        "queries": queries_of(record),
        "baseline": entry.name,
        "settings": digest(record.baseline["settings"])[:12],
        "reference": reference.name,
        "episodes": episodes,
        "seeds": trainings,
        "difference": difference.mean,
        "ci95_low": difference.low,
        "ci95_high": difference.high,
        "kind": difference.kind,
        "p": difference.p,
        "margin": margin,
    }


def queries_of(record: Record) -> int | str:
    """Queries a class, or "all": of a classification protocol the test images."""
    asked = record.asked
    if isinstance(asked, Classification):
        return "all" if asked.test_images is None else size_text(asked.test_images)
    return asked.queries or "all"


OVER_EPISODES = (
    "Paired differences on the same episodes, tested by the influence of each test image on the difference (episodes "
    "overlap, so a test over episodes would find any difference significant)"
)
OVER_RUNS = (
    "Paired differences on the same runs, tested by their spread over runs and over test images"
)


def which_test(frame: pd.DataFrame) -> str:
    """One sentence: which test decided, and why."""
    exact, runs = (
        frame["kind"].isin(["mcnemar", "rule-of-three"]).any(),
        frame["train_size"].notna(),
    )
    return (
        "; ".join(
            [*([OVER_EPISODES] if not runs.all() else []), *([OVER_RUNS] if runs.any() else [])]
        )
        + (
            ", or by McNemar's exact test where fewer than 10 images were answered differently"
            if exact
            else ""
        )
        + (
            ", with the variance of the trainings"
            if (frame["seeds"] > 1).any()
            else ", for these trainings alone"
        )
        + f"; p by Holm over {len(frame)} differences; equivalent: the 90 % interval lies within "
        + f"+-{100 * frame['margin'].max():g} points."
    )
