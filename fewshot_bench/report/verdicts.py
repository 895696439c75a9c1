"""What a comparison or a leaderboard says: a matrix of verdicts, and the same in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fewshot_bench.leaderboard.columns import CONDITION, QUESTION, condition_label, rankings
from fewshot_bench.report.frames import Question, conditions_in_order, references_of, tie_letters_of

__all__ = ["MEANINGS", "Verdict", "Verdicts", "against_reference", "by_ties"]

Row = Mapping[Hashable, Any]
# by the verdict of a row
SENTENCES = {
    "better": "{one} is better than {other} ({difference}; {p})",
    "worse": "{one} is worse than {other} ({difference}; {p})",
    "equivalent": "{one} and {other} are equivalent within {margin:g} points ({difference})",
    "undecided": "whether {one} or {other} is better is undecided ({difference}; {p})",
}
# what each kind of verdict means; its sign tells it apart without colour
MEANINGS = {
    "better": ("▲", "better than the reference"),
    "equivalent": ("=", "equivalent to it"),
    "undecided": ("?", "undecided"),
    "worse": ("▼", "worse than the reference"),
    "first": ("●", "the most accurate"),
    "tied": ("○", "not shown to differ from the most accurate"),
    "behind": ("▽", "worse than the most accurate"),
}


@dataclass(frozen=True)
class Verdict:
    """A field of the matrix. kind: one of `MEANINGS`, or empty where it is of several splits."""

    kind: str
    text: str


@dataclass(frozen=True)
class _Judged:
    """A row of results with its verdict. text: a difference in points; sentence: may be empty."""

    name: str
    condition: str
    kind: str
    text: str
    sentence: str = ""


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of one question: methods by rows, shot values or train sizes by columns.

    details: for each condition, and each split of the classes, the sentences about it.
    """

    heading: str
    dataset: str
    caption: str
    conditions: list[str]
    lines: dict[str, list[Verdict | None]]
    details: dict[str, list[str]]
    kinds: list[str]


def against_reference(question: Question) -> Verdicts:
    """The verdicts of paired differences. question: of the frame of `differences`."""
    reference = references_of(question.rows)
    margin = 100 * question.rows["margin"].max()
    caption = f"Difference to {reference} in points; within {margin:g} points: equivalent"
    parts = {}
    for heading, rows in _parts(question):
        parts[heading] = [_compared(row) for row in rows.to_dict("records")]
    return _verdicts(question, caption, parts)


def by_ties(question: Question) -> Verdicts:
    """Which methods are shown to be worse than the most accurate one, and by how many points.

    question: of the frame of `leaderboard`.
    """
    parts = {}
    for heading, rows in _parts(question):
        parts[heading] = list(_beside_the_first(rows))
    return _verdicts(question, "Points behind the most accurate method", parts)


def _parts(question: Question) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each condition, and each split of the classes, with its heading."""
    for ranking in rankings(question.rows, (*QUESTION, *CONDITION)):
        heading = condition_label(ranking.first)
        if question.of_splits:
            heading = f"{heading}, tested on {ranking.first['test_classes']}"
        yield heading, ranking.rows


def _compared(row: Row) -> _Judged:
    points = f"{100 * row['difference']:+.1f}"
    return _Judged(
        str(row["baseline"]), condition_label(row), row["verdict"], points, f"{_sentence(row)}."
    )


def _sentence(row: Row) -> str:
    points = 100 * row["difference"]
    low = 100 * row["low"]
    high = 100 * row["high"]
    has_interval = pd.notna(low)
    bounds = f"{low:+.1f} to {high:+.1f}" if has_interval else "no interval"
    sentence = SENTENCES[row["verdict"]].format(
        one=row["baseline"],
        other=row["reference"],
        difference=f"{points:+.1f} points, {bounds}",
        p=_p_text(row["p_holm"]),
        margin=100 * row["margin"],
    )
    needed = row["would_decide"]
    return f"{sentence}: {needed}" if isinstance(needed, str) and needed else sentence


def _p_text(p: float) -> str:
    if pd.isna(p):
        return "not tested"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _beside_the_first(rows: pd.DataFrame) -> Iterator[_Judged]:
    """The verdict of each row beside the most accurate one. rows: of one condition."""
    answered = rows.dropna(subset=["accuracy"])
    ordered = answered.sort_values("accuracy", ascending=False, kind="stable").to_dict("records")
    for row in ordered:
        first = ordered[0]
        shared = set(tie_letters_of(row["ties"])).intersection(tie_letters_of(first["ties"]))
        kind = "tied" if shared else "behind"
        text = f"{100 * (row['accuracy'] - first['accuracy']):+.1f}"
        sentence = ""
        if row is first:
            kind = "first"
            text = f"{100 * row['accuracy']:.1f} %"
        if isinstance(row["would_decide"], str) and row["would_decide"]:
            sentence = f"{row['baseline']}, {row['would_decide']}."
        yield _Judged(str(row["baseline"]), condition_label(row), kind, text, sentence)


def _verdicts(question: Question, caption: str, parts: Mapping[str, list[_Judged]]) -> Verdicts:
    of_field: dict[tuple[str, str], list[_Judged]] = {}
    details = {}
    for heading, judged in parts.items():
        sentences = [one.sentence for one in judged if one.sentence]
        if sentences:
            details[heading] = sentences
        for one in judged:
            of_field.setdefault((one.name, one.condition), []).append(one)
    conditions = conditions_in_order(question.rows)
    names = sorted({name for name, _ in of_field})
    names.sort(key=lambda name: _place(of_field.get((name, conditions[-1]), [])))
    lines = {}
    for name in names:
        lines[name] = [_field(of_field.get((name, condition), [])) for condition in conditions]
    present = {one.kind for judged in parts.values() for one in judged}
    kinds = [kind for kind in MEANINGS if kind in present]
    dataset = str(question.rows.iloc[0]["dataset"])
    return Verdicts(question.heading, dataset, caption, conditions, lines, details, kinds)


def _place(judged: list[_Judged]) -> float:
    """What lines are sorted by: the mean place of their verdicts in `MEANINGS`."""
    order = list(MEANINGS)
    if not judged:
        return len(order)
    return sum(order.index(one.kind) for one in judged) / len(judged)


def _field(judged: list[_Judged]) -> Verdict | None:
    """The verdict of one row, or how often each occurs in several splits of the classes."""
    if not judged:
        return None
    if len(judged) == 1:
        return Verdict(judged[0].kind, judged[0].text)
    counts = Counter(one.kind for one in judged)
    texts = [f"{MEANINGS[kind][0]} {counts[kind]}" for kind in MEANINGS if counts[kind]]
    return Verdict("", "  ".join(texts))
