"""What was merged, and what differs between two folders, on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from fewshot_bench.cli.blocks import Block, Grid, Line
from fewshot_bench.cli.layout import (
    Cells,
    heading,
    older_notes,
    percent,
    percent_with_interval,
    test_classes_text,
)
from fewshot_bench.leaderboard.columns import (
    Ranking,
    condition_label,
    question_text,
    rankings,
)
from fewshot_bench.leaderboard.diff import IN_BOTH
from fewshot_bench.leaderboard.origins import BETWEEN, ORIGINS

__all__ = ["diff_blocks", "failures", "share_blocks"]

NOTHING_COMMON = "A and B have no cell in common, so nothing was compared"
MOST_NAMED = 4  # rows beside a thing that differs
SHARE_HEADS = ("folder", "records", "kept", "same", "failed", "checkpoints")
SAME_NOTE = "same: another folder has the record too, with the same answers; the older is kept."
FAILED_NOTE = "failed: in the place of the record stands another folder's result."
DIFF_HEADS = ("baseline", "at", "A", "B", "B - A", "verdict")
UNPAIRED = "~"
ONE_TRAINING = "*"
UNPAIRED_NOTE = f"{UNPAIRED} other episodes or data, so the difference is not paired."
ONE_TRAINING_NOTE = (
    f"{ONE_TRAINING} one training each, with other losses: these two trainings differ, which other "
    "trainings of one method may do as well; several seeds tell whether the method moved."
)
UNMATCHED = ("only in A", "only in B", "ambiguous")
# verdicts for which --fail-on fails
CAUSES = {
    "moved": ("moved", "other status"),
    "changed": tuple(verdict for verdict in IN_BOTH if verdict != "same bits"),
    "missing": ("only in A", "ambiguous"),
}


def share_blocks(frame: pd.DataFrame) -> Iterator[Block]:
    """What each folder gave to a merged one."""
    texts = [[str(value) for value in row] for row in frame[list(SHARE_HEADS)].to_numpy()]
    yield Grid(SHARE_HEADS, texts)
    if frame["same"].any():
        yield Line(SAME_NOTE)
    if frame["failed"].any():
        yield Line(FAILED_NOTE)


def diff_blocks(frame: pd.DataFrame, folders: tuple[str, str], *, every: bool) -> Iterator[Block]:
    """The rows that are not the same in two folders, or all, and what else differs.

    folders: A and B, as they are named. Rows that one folder holds stand below the tables.
    """
    yield Line(f"A: {folders[0]}", wraps=False)
    yield Line(f"B: {folders[1]}", wraps=False)
    is_shown = frame["verdict"].isin(IN_BOTH) & ((frame["verdict"] != "same bits") | every)
    shown = frame[is_shown]
    for ranking in rankings(shown):
        yield Line(_heading(ranking))
        yield _grid(ranking.rows)
    if shown["is_paired"].eq(False).any():
        yield Line(UNPAIRED_NOTE)
    if shown["is_one_training"].eq(True).any():
        yield Line(ONE_TRAINING_NOTE)
    for row in shown[shown["note"].fillna("") != ""].to_dict("records"):
        yield Line(f"{row['baseline']} at {condition_label(row)}: {row['note']}", wraps=False)
    yield from _unmatched(frame)
    for text in (*_counts(frame), *_what_differs(frame)):
        yield Line(text)
    yield from older_notes(frame["baseline"])


def _heading(ranking: Ranking) -> str:
    row = ranking.first
    text = (
        f"{row['dataset']}, {row['protocol']}: {question_text(row)}, preset {row['preset']}"
        f"{test_classes_text(ranking)}"
    )
    return heading(text, ranking)


def _grid(rows: pd.DataFrame) -> Grid:
    texts = []
    for row in rows.to_dict("records"):
        cells = [
            _name(row),
            condition_label(row),
            percent(row["accuracy_a"], missing=""),
            percent(row["accuracy_b"], missing=""),
            _difference_text(row),
            _verdict_text(row),
        ]
        texts.append(cells)
    return Grid(DIFF_HEADS, texts)


def _unmatched(frame: pd.DataFrame) -> Iterator[Line]:
    """The rows, or trainings of them, that only one folder holds or that may be several cells."""
    for verdict in UNMATCHED:
        for ranking in rankings(frame[frame["verdict"] == verdict]):
            listed = "; ".join(_unmatched_texts(ranking.rows))
            yield Line(f"{verdict[0].upper()}{verdict[1:]}, {_heading(ranking)}: {listed}.")


def _unmatched_texts(rows: pd.DataFrame) -> Iterator[str]:
    """Rows with their conditions and seeds, those together that have the same."""
    labels: dict[tuple[str, str, str], list[str]] = {}
    for row in rows.to_dict("records"):
        one = (row["baseline"], str(row["seeds"]), row["note"])
        labels.setdefault(one, []).append(condition_label(row))
    names: dict[tuple[str, str, str], list[str]] = {}
    for (name, seeds, note), at in labels.items():
        names.setdefault((", ".join(at), seeds, note), []).append(name)
    for (conditions, seeds, note), group in names.items():
        noun = "seeds" if "," in seeds else "seed"
        about = f"; {note}" if note else ""
        yield f"{', '.join(group)} at {conditions} ({noun} {seeds.replace(',', ', ')}{about})"


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
    for verdict in UNMATCHED:
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
