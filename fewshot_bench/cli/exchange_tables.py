"""What was merged, and what differs between two folders, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table

from fewshot_bench.cli.layout import (
    Cells,
    heading,
    percent,
    percent_with_interval,
    print_line,
    print_older_notes,
    test_classes_text,
)
from fewshot_bench.leaderboard.columns import condition_label, question_text, rankings
from fewshot_bench.leaderboard.diff import IN_BOTH
from fewshot_bench.leaderboard.origins import BETWEEN, ORIGINS

__all__ = ["failures", "show_diff", "show_shares"]

NOTHING_COMMON = "A and B have no cell in common, so nothing was compared"
MOST_NAMED = 4  # rows beside a thing that differs
UNPAIRED = "~"
ONE_TRAINING = "*"
UNPAIRED_NOTE = f"{UNPAIRED} other episodes or data, so the difference is not paired."
ONE_TRAINING_NOTE = (
    f"{ONE_TRAINING} one training each, with other losses: these two trainings differ, which other "
    "trainings of one method may do as well; several seeds tell whether the method moved."
)
# verdicts for which --fail-on fails
CAUSES = {
    "moved": ("moved", "other status"),
    "changed": tuple(verdict for verdict in IN_BOTH if verdict != "same bits"),
    "missing": ("only in A", "ambiguous"),
}


def show_shares(console: Console, frame: pd.DataFrame) -> None:
    """What each folder gave to a merged one."""
    table = Table("folder", "records", "kept", "same", "failed", "checkpoints")
    for row in frame.to_dict("records"):
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)
    if frame["same"].any():
        text = "same: another folder has the record too, with the same answers; the older is kept."
        print_line(console, text)
    if frame["failed"].any():
        print_line(console, "failed: in the place of the record stands another folder's result.")


def show_diff(
    console: Console, frame: pd.DataFrame, folders: tuple[str, str], *, every: bool
) -> None:
    """The rows that are not the same in two folders, or all, and what else differs.

    folders: A and B, as they are named.
    """
    print_line(console, f"A: {folders[0]}", wrap=False)
    print_line(console, f"B: {folders[1]}", wrap=False)
    is_shown = (frame["verdict"] != "same bits") | every
    shown = frame[is_shown]
    for ranking in rankings(shown):
        row = ranking.first
        text = (
            f"{row['dataset']}, {row['protocol']}: {question_text(row)}, preset {row['preset']}"
            f"{test_classes_text(ranking)}"
        )
        print_line(console, heading(text, ranking))
        console.print(_table(ranking.rows))
    if shown["is_paired"].eq(False).any():
        print_line(console, UNPAIRED_NOTE)
    if shown["is_one_training"].eq(True).any():
        print_line(console, ONE_TRAINING_NOTE)
    for row in shown[shown["note"].fillna("") != ""].to_dict("records"):
        text = f"{row['baseline']} at {condition_label(row)}: {row['note']}"
        print_line(console, text, wrap=False)
    for line in _counts(frame):
        print_line(console, line)
    for line in _what_differs(frame):
        print_line(console, line)
    print_older_notes(console, shown["baseline"])


def _table(rows: pd.DataFrame) -> Table:
    table = Table()
    table.add_column("baseline", overflow="fold")
    for head in ("at", "A", "B", "B - A"):
        table.add_column(head, no_wrap=True)
    table.add_column("verdict")
    for row in rows.to_dict("records"):
        table.add_row(
            _name(row),
            condition_label(row),
            percent(row["accuracy_a"], missing=""),
            percent(row["accuracy_b"], missing=""),
            _difference_text(row),
            _verdict_text(row),
        )
    return table


def _name(row: Cells) -> str:
    """The name of the row, in B too where it has another one there."""
    other = row["baseline_b"]
    if pd.isna(other) or other == row["baseline"]:
        return str(row["baseline"])
    return f"{row['baseline']} -> {other}"


def _difference_text(row: Cells) -> str:
    if pd.isna(row["accuracy_a"]):
        return ""
    text = percent_with_interval(row["difference"], row["low"], row["high"], sign="+")
    return text if row["is_paired"] else f"{UNPAIRED}{text}"


def _verdict_text(row: Cells) -> str:
    if row["is_one_training"] is True:
        return f"{row['verdict']}{ONE_TRAINING}"
    return str(row["verdict"])


def _counts(frame: pd.DataFrame) -> Iterator[str]:
    """How many cells and rows are the same, and what became of the others."""
    in_both = frame[frame["verdict"].isin(IN_BOTH)]
    if in_both.empty:
        yield f"{NOTHING_COMMON}."
    cells = int(in_both["cells"].sum())
    same = int(in_both["same"].sum())
    texts = [f"{same} same bits", f"{cells - same} changed"]
    for verdict in ("only in A", "only in B", "ambiguous"):
        count = int(frame.loc[frame["verdict"] == verdict, "cells"].sum())
        if count:
            texts.append(f"{count} {verdict}")
    yield f"Cells: {', '.join(texts)}."
    rows = [f"{count} {verdict}" for verdict, count in frame["verdict"].value_counts().items()]
    yield f"Rows: {', '.join(rows)}."
    tested = int(in_both["p_holm"].notna().sum())
    if tested:
        yield (
            f"moved: significant at 5 % by Holm over {tested} differences; beside each stands the "
            "interval that agrees with it."
        )


def _what_differs(frame: pd.DataFrame) -> Iterator[str]:
    """One line for each thing that differs, with the rows in which it does."""
    in_both = frame[frame["verdict"].isin(IN_BOTH)]
    if in_both.empty:
        return
    found: dict[tuple[str, str], list[str]] = {}
    for column in ORIGINS:
        for row in in_both.to_dict("records"):
            for text in filter(None, row[column].split(BETWEEN)):
                rows = found.setdefault((column.removeprefix("differs_"), text), [])
                rows.append(row["baseline"])
    if not found:
        yield "Nothing differs in data, episodes, code, settings, packages and machine."
    for (what, text), rows in found.items():
        where = "all rows" if len(rows) == len(in_both) else _listed(rows)
        yield f"{what}: {text} ({where})"


def _listed(rows: Iterable[str]) -> str:
    names = list(dict.fromkeys(rows))
    text = ", ".join(names[:MOST_NAMED])
    others = len(names) - MOST_NAMED
    return f"{text} and {others} more" if others > 0 else text


def failures(frame: pd.DataFrame, causes: Sequence[str]) -> list[str]:
    """Why `--fail-on` fails, a line each; empty: it does not.

    causes: those that were chosen. Two folders without a common cell fail for each of them.
    """
    if causes and not frame["verdict"].isin(IN_BOTH).any():
        return [f"failed: {NOTHING_COMMON}"]
    reasons = []
    for cause in causes:
        count = int(frame["verdict"].isin(CAUSES[cause]).sum())
        if count:
            noun = "row" if count == 1 else "rows"
            reasons.append(f"failed: {count} {noun} for --fail-on {cause}")
    return reasons
