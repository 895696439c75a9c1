"""Differences to a reference, with their verdicts. Percent is for eyes; files hold fractions."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fewshot_bench.cli.layout import (
    heading,
    percent,
    print_line,
    print_older_notes,
    test_classes_text,
)
from fewshot_bench.leaderboard.columns import QUESTION, condition_label, question_text, rankings
from fewshot_bench.leaderboard.compare import which_test

__all__ = ["show_comparison"]


def show_comparison(console: Console, frame: pd.DataFrame) -> None:
    """Paired differences with their verdicts, and the test that decided."""
    if frame.empty:
        print_line(console, "Nothing to compare.")
        return
    for ranking in rankings(frame, (*QUESTION, "reference")):
        row = ranking.first
        text = (
            f"{row['dataset']}, {row['protocol']}: against {row['reference']}, "
            f"{question_text(row)}, preset {row['preset']}{test_classes_text(ranking)}"
        )
        print_line(console, heading(text, ranking))
        console.print(_comparison_table(ranking.rows))
    print_line(console, which_test(frame))
    print_line(console, _nearest_to_decided(frame))
    print_older_notes(console, [*frame["baseline"], *frame["reference"]])


def _nearest_to_decided(frame: pd.DataFrame) -> str:
    """What would decide the largest difference that is undecided, of those tested if there are."""
    undecided = frame[frame["would_decide"] != ""]
    if undecided.empty:
        return "Nothing is undecided."
    by_size = undecided.assign(is_tested=undecided["p"].notna(), size=undecided["difference"].abs())
    largest_first = by_size.sort_values(["is_tested", "size"], ascending=False, kind="stable")
    row = largest_first.iloc[0].to_dict()
    against = f"{row['baseline']} against {row['reference']} at {condition_label(row)}"
    return f"Undecided, the largest difference first, {against}: {row['would_decide']}."


def _comparison_table(rows: pd.DataFrame) -> Table:
    table = Table(
        "baseline",
        "condition",
        "difference",
        "interval of the verdict",
        "95 % alone",
        "p",
        "p (Holm)",
        "verdict",
    )
    for row in rows.to_dict("records"):
        table.add_row(
            row["baseline"],
            condition_label(row),
            percent(row["difference"], sign="+"),
            _bounds_text(row["low"], row["high"]),
            Text(_bounds_text(row["ci95_low"], row["ci95_high"]), style="dim"),
            _p_text(row["p"]),
            _p_text(row["p_holm"]),
            row["verdict"],
        )
    return table


def _bounds_text(low: float, high: float) -> str:
    if pd.isna(low):
        return "none"
    return f"{percent(low, sign='+')} to {percent(high, sign='+')}"


def _p_text(p: float) -> str:
    if pd.isna(p):
        return "-"
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}"
