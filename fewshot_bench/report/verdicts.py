"""What a comparison or a leaderboard says, in sentences."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from fewshot_bench.leaderboard.columns import CONDITION, QUESTION, Ranking, rankings
from fewshot_bench.report.frames import where

__all__ = ["rankings_at_each_condition", "sentences_of_differences", "sentences_of_ranks"]

# by the verdict of a row
SENTENCES = {
    "better": "{one} is better than {other} ({difference}; {p})",
    "worse": "{one} is worse than {other} ({difference}; {p})",
    "equivalent": "{one} and {other} are equivalent within {margin:g} points ({difference})",
    "undecided": "whether {one} or {other} is better is undecided ({difference}; {p})",
}


def rankings_at_each_condition(frame: pd.DataFrame) -> Iterator[Ranking]:
    """The rows of one question and one shot value or train size after another."""
    return rankings(frame, (*QUESTION, *CONDITION))


def sentences_of_differences(comparison: pd.DataFrame) -> Iterator[str]:
    """A sentence a row of paired differences."""
    if comparison.empty:
        yield "There is nothing to compare."
        return
    for ranking in rankings_at_each_condition(comparison):
        question = where(ranking)
        for row in ranking.rows.to_dict("records"):
            yield f"{question}: {_verdict(row)}."


def _verdict(row: Mapping[Hashable, Any]) -> str:
    points = 100 * row["difference"]
    low = 100 * row["low"]
    high = 100 * row["high"]
    has_interval = pd.notna(low)
    bounds = f"{low:+.1f} to {high:+.1f}" if has_interval else "no interval"
    return SENTENCES[row["verdict"]].format(
        one=row["baseline"],
        other=row["reference"],
        difference=f"{points:+.1f} points, {bounds}",
        p=_p_text(row["p_holm"]),
        margin=100 * row["margin"],
    )


def _p_text(p: float) -> str:
    if pd.isna(p):
        return "not tested"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def sentences_of_ranks(leaderboard: pd.DataFrame) -> Iterator[str]:
    """A sentence a question: which baselines have none that is significantly better."""
    for ranking in rankings_at_each_condition(leaderboard):
        first = []
        undecided = ""
        for row in ranking.rows.to_dict("records"):
            # rank 1: no row is significantly better; rows without a result have no rank
            if row["rank"] == 1:
                percent = 100 * row["accuracy"]
                first.append(f"{row['baseline']} ({percent:.1f} %)")
            if pd.notna(row["would_decide"]) and row["would_decide"]:
                undecided = f"; {row['baseline']}, {row['would_decide']}"
        verdict = "there is no result"
        if first:
            verdict = f"none is significantly better than {', '.join(first)}"
        yield f"{where(ranking)}: {verdict}{undecided}."
