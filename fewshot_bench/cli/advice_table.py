"""A recommendation on the terminal: a table of methods, then the paragraph."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from rich.console import Console

from fewshot_bench.advice.recommendation import Recommendation
from fewshot_bench.cli.blocks import Block, Grid, Line, print_blocks, print_line
from fewshot_bench.cli.layout import percent
from fewshot_bench.cli.output import show_written

__all__ = ["method_blocks", "show_recommendation"]

MOST_ROWS = 8  # all methods stand in the files
ABOUT = (
    "Accuracy on a new class in %, the mean over held-out classes, [95 % interval for one more "
    "class]; known: on known classes at the most shots; behind: how many points the first row is "
    "ahead, over all shot values, in the harmonic mean of new and known accuracy."
)


def show_recommendation(console: Console, made: Recommendation) -> None:
    """The table, the notes, the files, and last the paragraph."""
    print_blocks(console, method_blocks(made.table))
    for note in made.notes:
        print_line(console, f"Note: {note}.")
    show_written(console, made.files)
    print_line(console, "")
    print_line(console, made.paragraph)


def method_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """The first methods by rows, shot values by columns."""
    shots = sorted(frame["shots"].unique())
    has_known = bool(frame["known_accuracy"].notna().any())
    heads = ["method", *(f"{number}-shot" for number in shots)]
    if has_known:
        heads.append("known")
    heads += ["behind", "tied"]
    texts = []
    methods = list(frame.groupby("method", sort=False))
    for name, rows in methods[:MOST_ROWS]:
        cells = [str(name)]
        for row in rows.to_dict("records"):
            cells.append(_with_interval(row["accuracy"], row["new_low"], row["new_high"]))
        last = rows.iloc[-1]
        if has_known:
            cells.append(percent(last["known_accuracy"]))
        behind = percent(last["difference"]) if name != methods[0][0] else ""
        texts.append([*cells, behind, "yes" if last["tied"] else ""])
    yield Grid(heads, texts)
    left_out = len(methods) - MOST_ROWS
    more = f" {left_out} more methods stand in the files." if left_out > 0 else ""
    yield Line(ABOUT + more)


def _with_interval(share: float, low: float, high: float) -> str:
    """Always with both ends: the interval for one more class is far from symmetric."""
    if pd.isna(low):
        return f"{percent(share)} (no interval)"
    return f"{percent(share)} [{percent(low)}, {percent(high)}]"
