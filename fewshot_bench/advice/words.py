"""The recommendation in one paragraph of plain English."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fewshot_bench.advice.choice import Choice
from fewshot_bench.advice.figures import Figures
from fewshot_bench.deploy.method import Method
from fewshot_bench.stats.new_class import Expectation

__all__ = ["Confused", "Summary", "paragraph"]

MOST_TIES = 3  # named in the paragraph


@dataclass(frozen=True)
class Confused:
    """Two classes, and the share of the pictures of each that is taken for the other."""

    first: str
    second: str
    first_as_second: float
    second_as_first: float


@dataclass(frozen=True)
class Summary:
    """What the paragraph says.

    name: of the method's row; expected: by number of pictures; held_out: classes that were held
    out; always_held_out: those that every split holds out; candidates: classes among which a
    picture was recognised; tied: rows, the nearest first; others: the number of other methods;
    known: by number of pictures, (share of the pictures of known classes that are recognised, share
    that is taken for a new class), if they were asked about; confused: at the largest number of
    pictures, None without a mistake.
    """

    method: Method
    name: str
    expected: Mapping[int, Expectation]
    measured: Mapping[int, float]
    held_out: int
    always_held_out: int
    at_once: int
    candidates: int
    tied: Sequence[str]
    others: int
    known: Mapping[int, tuple[float, float]]
    confused: Confused | None

    @classmethod
    def of(cls, figures: Figures, choice: Choice, method: Method) -> Self:
        """The summary of a choice."""
        best = choice.best
        tied = sorted(choice.tied, key=lambda row: choice.differences[row].mean)
        known = {}
        if figures.has_known:
            for shot, shots in enumerate(figures.shots):
                recognised = float(figures.known_MK[best, shot])
                known[shots] = (recognised, float(figures.taken_for_new_MK[best, shot]))
        means = [expected.mean for expected in choice.expected_MK[best]]
        at_once = int(figures.is_new_SC[0].sum())
        return cls(
            method=method,
            name=figures.methods[best],
            expected=dict(zip(figures.shots, choice.promised, strict=True)),
            measured=dict(zip(figures.shots, means, strict=True)),
            held_out=len(figures.held_out),
            always_held_out=choice.always_held_out,
            at_once=at_once,
            candidates=len(figures.classes) if known else at_once,
            tied=[figures.methods[row] for row in tied],
            others=len(figures.methods) - 1,
            known=known,
            confused=_most_confused(figures, best),
        )

    def as_json(self) -> dict[str, Any]:
        """The figures that the paragraph says in words."""
        known = {}
        for shots, (recognised, taken) in self.known.items():
            known[str(shots)] = {"recognised": recognised, "taken_for_new": taken}
        return {
            "row": self.name,
            "measured": {str(shots): value for shots, value in self.measured.items()},
            "tied": list(self.tied),
            "known": known,
            "confused": None if self.confused is None else vars(self.confused),
        }


def _most_confused(figures: Figures, method: int) -> Confused | None:
    """The two classes of which most pictures are taken for the other, at the most shots."""
    counts_CC = figures.counts_MKSCC[method, -1].sum(0).astype(np.float64)
    asked_CC = figures.asked_together_CC(method)
    share_CC = counts_CC / np.maximum(asked_CC, 1)
    np.fill_diagonal(share_CC, 0.0)
    both_CC = np.triu(share_CC + share_CC.T)
    if not both_CC.any():
        return None
    first, second = divmod(int(both_CC.argmax()), len(both_CC))
    return Confused(
        figures.classes[first],
        figures.classes[second],
        float(share_CC[first, second]),
        float(share_CC[second, first]),
    )


def paragraph(summary: Summary) -> str:
    """One paragraph: method, what to expect, growth, known classes, ties, confusion."""
    sentences = [
        _method_sentence(summary),
        _expectation_sentence(summary),
        _measured_sentence(summary),
        _growth_sentence(summary),
        _known_sentence(summary),
        _ties_sentence(summary),
        _confused_sentence(summary),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _tenths(share: float) -> str:
    return f"{100 * share:.1f} %"


def _pictures(number: int) -> str:
    return f"{number} picture" if number == 1 else f"{number} pictures"


def _method_sentence(summary: Summary) -> str:
    words = f"--method {summary.method.name}"
    for name, value in summary.method.settings.items():
        words += f" --set {name}={value}"
    return f"Use {summary.name} ({words})."


def _expectation_sentence(summary: Summary) -> str:
    parts = []
    for shots, expected in summary.expected.items():
        interval = f"95 % interval {_percent(expected.low)} to {_percent(expected.high)}"
        parts.append(f"{_percent(expected.mean)} with {_pictures(shots)} ({interval})")
    return (
        "Of the pictures of a new defect, expect it to recognise "
        f"{_listed(parts)}, the mean over choices of these labelled pictures."
    )


def _measured_sentence(summary: Summary) -> str:
    beside = f"beside {summary.at_once - 1} other held-out class"
    if summary.at_once > 2:
        beside += "es"
    if summary.known:
        beside += f" and all known ones, so among {summary.candidates} candidates"
    chosen = "by the method that is the best without that class"
    if summary.always_held_out:
        chosen = (
            f"and {summary.always_held_out} of them in every split that was run, so that no method "
            "could be chosen without them"
        )
    return (
        f"This was measured on {summary.held_out} of your classes, each held out as if it were "
        f"new, {beside}, {chosen}; the interval is for one more class, and holds the spread over "
        "classes and over pictures."
    )


def _growth_sentence(summary: Summary) -> str:
    shots = list(summary.expected)
    parts = []
    for fewer, more in itertools.pairwise(shots):
        gain = 100 * (summary.expected[more].mean - summary.expected[fewer].mean)
        parts.append(f"{gain:+.1f} points from {fewer} to {more}")
    if not parts:
        return ""
    return f"More labelled pictures change the mean accuracy by {_listed(parts)}."


def _known_sentence(summary: Summary) -> str:
    if not summary.known:
        return ""
    shots = max(summary.known)
    recognised, taken = summary.known[shots]
    verdict = "hardly suffer" if taken < 0.01 else "suffer"
    return (
        f"Known classes {verdict}: with {_pictures(shots)} of each new class, {_tenths(taken)} of "
        f"the pictures of known classes are taken for a new one, and {_tenths(recognised)} are "
        "recognised."
    )


def _ties_sentence(summary: Summary) -> str:
    if not summary.others:
        return ""
    tied = len(summary.tied)
    if not tied:
        return f"It is significantly better than each of the {summary.others} other methods."
    names = list(summary.tied[:MOST_TIES])
    if tied > MOST_TIES:
        names.append(f"{tied - MOST_TIES} more")
    named = _listed(names)
    return (
        f"It is not shown to be better than {named} (of {summary.others} other methods): on other "
        "classes their order may be another."
    )


def _confused_sentence(summary: Summary) -> str:
    confused = summary.confused
    if confused is None:
        return "It confuses no two of your classes."
    shots = max(summary.expected)
    return (
        f"It confuses {confused.first!r} and {confused.second!r} most: with {_pictures(shots)}, "
        f"{_tenths(confused.first_as_second)} of the first are taken for the second, "
        f"{_tenths(confused.second_as_first)} the other way."
    )


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
