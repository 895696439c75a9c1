"""Intervals that say nothing: about other trainings, or about the accuracy at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import pandas as pd

from fewshot_bench.leaderboard.record_columns import LISTED

__all__ = ["DOUBT", "Doubt", "doubt_notes", "doubt_of"]

Doubt = Literal["trainings", "width"]
DOUBT = "(?)"  # stands behind such an interval
LEVEL = 0.95  # of the intervals
FEWEST_TRAININGS = 3  # two that differ leave one degree of freedom


def doubt_of(row: Mapping[Any, Any]) -> Doubt | None:
    """Why the interval of a row of a leaderboard says nothing; None if it says something.

    trainings: those that there are leave less than two degrees of freedom, so that it is over
    images alone. width: it is no narrower than what is known before any measurement, that the
    accuracy lies between guessing and 1. If nothing tells where, 95 % of that range hold it with
    95 % confidence.
    """
    low = row["ci95_low"]
    if pd.isna(low):
        return None
    if row["ci95_kind"] == "too few trainings":
        return "trainings"
    known_before = LEVEL * (1 - 1 / _candidates(row))
    return "width" if row["ci95_high"] - low >= known_before else None


def _candidates(row: Mapping[Any, Any]) -> int:
    """The classes that an answer can be."""
    ways = int(row["ways"])
    known = row["known_classes"]
    if not isinstance(known, str) or not known:
        return ways
    classes = row["train_classes"] if known == "all" else known
    return ways + len(classes.split(LISTED))


def doubt_notes(frame: pd.DataFrame) -> Iterator[str]:
    """What the sign behind some intervals of a leaderboard means, and what would help."""
    reasons: dict[str, None] = {}
    for row in frame.to_dict("records"):
        doubt = doubt_of(row)
        if doubt is not None:
            reasons[f"{_reason(doubt, row)}; {_remedy(doubt, row)}"] = None
    for reason in reasons:
        yield f"{DOUBT}: {reason}."


def _reason(doubt: Doubt, row: Mapping[Any, Any]) -> str:
    if doubt == "trainings":
        return (
            f"{row['seeds']} trainings that differ so much say nothing about others, and the "
            "interval is over images alone"
        )
    return "an interval that is nearly as wide as from guessing to 100 % says nothing"


def _remedy(doubt: Doubt, row: Mapping[Any, Any]) -> str:
    is_of_images = pd.isna(row["se_seeds"]) or row["se_seeds"] < row["se_images"]
    if doubt == "width" and is_of_images:
        return "it takes more images of each class"
    flag = "--seeds" if pd.isna(row["train_size"]) else "--runs"
    return f"give {flag} {max(FEWEST_TRAININGS, row['seeds'] + 1)} or more"
