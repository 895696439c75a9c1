"""Differences to a reference, with their verdicts. Percent is for eyes; files hold fractions."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from fewshot_bench.cli.blocks import Block, Grid, Line
from fewshot_bench.cli.layout import Cells, heading, older_notes, percent, test_classes_text
from fewshot_bench.leaderboard.columns import QUESTION, condition_label, question_text, rankings
from fewshot_bench.leaderboard.compare import which_test

__all__ = ["comparison_blocks"]

HEADS = ("baseline", "at", "difference", "95 % alone", "p", "p (Holm)", "verdict")
SPARE = ("p", "95 % alone")


def comparison_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """Paired differences with their verdicts, and the test that decided."""
    if frame.empty:
        yield Line("Nothing to compare.")
        return
    for ranking in rankings(frame, (*QUESTION, "reference")):
        row = ranking.first
        text = (
            f"{row['dataset']}, {row['protocol']}: against {row['reference']}, "
            f"{question_text(row)}, preset {row['preset']}{test_classes_text(ranking)}"
        )
        yield Line(heading(text, ranking))
        yield _comparison_grid(ranking.rows)
    yield Line(f"Difference in points, [from, to]. {which_test(frame)}")
    yield Line(_nearest_to_decided(frame))
    yield from older_notes([*frame["baseline"], *frame["reference"]])


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


def _comparison_grid(rows: pd.DataFrame) -> Grid:
    texts = []
    for row in rows.to_dict("records"):
        cells = [
            row["baseline"],
            condition_label(row),
            f"{percent(row['difference'], sign='+')} {_bounds_text(row, '')}",
            _bounds_text(row, "ci95_"),
            _p_text(row["p"]),
            _p_text(row["p_holm"]),
            row["verdict"],
        ]
        texts.append(cells)
    return Grid(HEADS, texts, spare=SPARE)


def _bounds_text(row: Cells, prefix: str) -> str:
    """The interval of which the columns begin with this."""
    low = row[f"{prefix}low"]
    if pd.isna(low):
        return "(no interval)"
    return f"[{percent(low, sign='+')}, {percent(row[f'{prefix}high'], sign='+')}]"


def _p_text(p: float) -> str:
    if pd.isna(p):
        return "-"
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}"
