"""Some rows of a leaderboard: what their ranks count beside them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from fewshot_bench.leaderboard.columns import CONDITION, QUESTION

__all__ = ["rank_notes"]

MOST_NAMED = 4  # rows that are not shown


def rank_notes(frame: pd.DataFrame, is_shown: pd.Series[bool]) -> Iterator[str]:
    """A note that names rows which ranks of the shown ones count, though they are not shown.

    frame: a whole leaderboard.
    """
    names: dict[str, None] = {}
    for _, rows in frame.groupby([*QUESTION, *CONDITION], sort=False, dropna=False):
        is_here = is_shown[rows.index]
        if is_here.any():
            others = rows[~is_here].dropna(subset=["rank"])
            names.update(dict.fromkeys(others["baseline"]))
    if not names:
        return
    listed = ", ".join(list(names)[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    also = f"{listed} and {more} more" if more > 0 else listed
    yield (
        f"ranks and ties are over all rows of the folder, also {also}, which this run did not "
        "ask for; bench leaderboard shows all"
    )
