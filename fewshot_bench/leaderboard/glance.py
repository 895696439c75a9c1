"""A leaderboard at a glance, in percent: what a notebook shows of a run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fewshot_bench.leaderboard.columns import BY_CONDITION, condition_label

__all__ = ["at_a_glance"]

RANK = "rank"
BASELINE = "baseline"


def at_a_glance(frame: pd.DataFrame) -> pd.DataFrame:
    """A line a baseline, a column a shot value or train size; of the frame of `leaderboard`.

    A cell is the accuracy in % with its interval, or the mean over the splits of the classes. The
    rank is that of the last column, and the best row stands first.
    """
    ordered = frame.sort_values([*BY_CONDITION], na_position="first", kind="stable")
    labels = [condition_label(row) for row in ordered.to_dict("records")]
    cells: dict[tuple[str, str], list[dict[Any, Any]]] = {}
    for label, row in zip(labels, ordered.to_dict("records"), strict=True):
        cells.setdefault((str(row[BASELINE]), label), []).append(row)
    columns = list(dict.fromkeys(labels))
    lines = []
    for name in dict.fromkeys(ordered[BASELINE]):
        last = cells.get((name, columns[-1]), [])
        line = {RANK: _rank(last), BASELINE: name, "mean": _mean(last)}
        for column in columns:
            line[column] = _cell(cells.get((name, column), []))
        lines.append(line)
    table = pd.DataFrame(lines, columns=[RANK, BASELINE, "mean", *columns])
    best_first = table.sort_values([RANK, "mean"], ascending=[True, False], kind="stable")
    return best_first.drop(columns="mean").reset_index(drop=True).astype({RANK: "Int64"})


def _rank(rows: list[dict[Any, Any]]) -> int | None:
    """The rank of one row; several have none in common."""
    if len(rows) != 1 or pd.isna(rows[0][RANK]):
        return None
    return int(rows[0][RANK])


def _mean(rows: list[dict[Any, Any]]) -> float:
    return float(pd.Series([row["accuracy"] for row in rows], dtype=float).mean())


def _cell(rows: list[dict[Any, Any]]) -> str:
    if not rows:
        return ""
    if len(rows) > 1:
        return f"{100 * _mean(rows):.1f} ({len(rows)} rows)"
    row = rows[0]
    if pd.isna(row["accuracy"]):
        return str(row["status"])
    text = f"{100 * row['accuracy']:.1f}"
    if pd.isna(row["ci95_low"]):
        return text
    return f"{text} ({100 * row['ci95_low']:.1f} to {100 * row['ci95_high']:.1f})"
