"""What the results of one question come to, in three sentences."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from fewshot_bench.leaderboard.columns import OF_SPLIT, condition_label
from fewshot_bench.leaderboard.tables import splits
from fewshot_bench.report.frames import Question, conditions_in_order, of_most_shots, tie_letters_of

__all__ = ["answer"]

Row = Mapping[Hashable, Any]
VERDICTS = ("better", "equivalent", "undecided", "worse")
MOST_NAMED = 3  # methods in a sentence; of more, the number is given


def answer(question: Question, comparison: pd.DataFrame | None) -> list[str]:
    """Which method is most accurate, what it is not shown to differ from, and what else matters.

    comparison: the rows of this question against a reference, None without one.
    """
    ordered = question.at_most_shots
    answered = ordered.dropna(subset=["accuracy"])
    if answered.empty:
        return ["No method has a result."]
    if question.of_splits:
        return list(_over_splits(question))
    rows = answered.to_dict("records")
    sentences = [_leader(rows, len(ordered)), _ties(rows), _more(question, rows, comparison)]
    return [sentence for sentence in sentences if sentence]


def _leader(rows: Sequence[Row], methods: int) -> str:
    first = rows[0]
    missing = methods - len(rows)
    without = f" ({missing} more without a result)" if missing else ""
    interval = ""
    if pd.notna(first["ci95_low"]):
        low = _percent(first["ci95_low"])
        interval = f", 95 % interval {low} to {_percent(first['ci95_high'])}"
    chance = "" if pd.isna(first["ways"]) else f"; chance is {_percent(1 / first['ways'])} %"
    # a transductive rule needs many queries at once, which not everyone has
    name = (
        f"{first['baseline']} (transductive)"
        if first["transductive"] is True
        else first["baseline"]
    )
    if len(rows) == 1:
        return (
            f"{name} has {_percent(first['accuracy'])} % at "
            f"{condition_label(first)}{interval}{without}{chance}."
        )
    return (
        f"{name} is the most accurate of {len(rows)} methods{without} at "
        f"{condition_label(first)}: {_percent(first['accuracy'])} %{interval}{chance}."
    )


def _ties(rows: Sequence[Row]) -> str:
    """What is not shown to differ from the most accurate method."""
    others = rows[1:]
    if not others:
        return ""
    letters = set(tie_letters_of(rows[0]["ties"]))
    tied = [row for row in others if letters.intersection(tie_letters_of(row["ties"]))]
    if not tied:
        whom = {1: "the other one", 2: "both others"}.get(len(others), f"all {len(others)} others")
        return f"It is significantly better than {whom}."
    names = _named([f"{row['baseline']} ({_percent(row['accuracy'])} %)" for row in tied])
    verb = "is" if len(tied) == 1 else "are"
    text = f"{names} {verb} not shown to differ from it"
    behind = len(others) - len(tied)
    if behind:
        others_behind = "the other one" if behind == 1 else f"the other {behind}"
        text += f"; it is significantly better than {others_behind}"
    return f"{text}."


def _more(question: Question, rows: Sequence[Row], comparison: pd.DataFrame | None) -> str:
    """Verdicts against the reference, else the leaders at fewer shots, else what would decide."""
    if comparison is not None and not comparison.empty:
        return _against_reference(of_most_shots(comparison))
    labels = conditions_in_order(question.rows)[:-1]
    if labels:
        return _leaders(question.rows, labels, str(rows[0]["baseline"]))
    needed = rows[0]["would_decide"]
    if isinstance(needed, str) and needed:
        return f"Still open {needed}."
    last = rows[-1]
    return f"The least accurate is {last['baseline']} with {_percent(last['accuracy'])} %."


def _against_reference(at_most: pd.DataFrame) -> str:
    counts = at_most["verdict"].value_counts()
    in_order = [verdict for verdict in VERDICTS if verdict in counts.index]
    parts = [f"{counts[verdict]} {verdict}" for verdict in in_order]
    reference = ", ".join(at_most["reference"].unique())
    label = condition_label(at_most.iloc[0].to_dict())
    return f"Against {reference} at {label}: {', '.join(parts)}."


def _leaders(rows: pd.DataFrame, labels: Sequence[str], leader: str) -> str:
    """Who is most accurate at other conditions. leader: who is at the last one."""
    of_label = pd.Series(map(condition_label, rows.to_dict("records")), index=rows.index)
    names = []
    parts = []
    for label in labels:
        answered = rows[of_label == label].dropna(subset=["accuracy"])
        if len(answered):
            first = answered.sort_values("accuracy", ascending=False, kind="stable").iloc[0]
            names.append(str(first["baseline"]))
            parts.append((label, f"{_percent(first['accuracy'])} %"))
    if not parts:
        return ""
    if set(names) == {leader}:
        return f"It leads too at {_named([f'{label} ({share})' for label, share in parts])}."
    texts = []
    for name, (label, share) in zip(names, parts, strict=True):
        texts.append(f"at {label} {'it' if name == leader else name} leads with {share}")
    text = ", ".join(texts)
    return f"{text[0].upper()}{text[1:]}."


def _over_splits(question: Question) -> Iterator[str]:
    """The mean over all splits: splits share images, so nothing is tested over them."""
    frame = splits(question.rows)
    at_most = frame[frame["shots"] == frame["shots"].max()]
    means = at_most.dropna(subset=["accuracy"])
    if means.empty:
        yield "No method has results of all splits of the classes."
        return
    rows = means.sort_values("accuracy", ascending=False, kind="stable").to_dict("records")
    first = rows[0]
    yield (
        f"{first['baseline']} has the highest mean of {len(rows)} methods over all {first['of']} "
        f"splits of the classes at {first['shots']}-shot: {_percent(first['accuracy'])} %, in the "
        f"worst split {_percent(first['worst'])} %."
    )
    at_most = question.at_most_shots
    leaders = [part.iloc[0]["baseline"] for _, part in at_most.groupby([*OF_SPLIT], sort=False)]
    leads = leaders.count(first["baseline"])
    yield f"It is the most accurate in {leads} of {len(leaders)} splits."
    if len(rows) > 1:
        second = rows[1]
        yield (
            f"Next is {second['baseline']} with {_percent(second['accuracy'])} %; splits share "
            "classes and images, so there is no interval or test over them."
        )


def _named(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
