"""Which of many differences are decided: Holm's correction, verdicts, and intervals that agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.differences import Difference

__all__ = [
    "Verdict",
    "holm",
    "is_decided",
    "levels",
    "tie_letters",
    "verdict",
    "would_decide",
]

Floats = npt.NDArray[np.float64]
Verdict = Literal["better", "worse", "equivalent", "undecided"]

SIGNIFICANCE = 0.05
DECIDING = 2.8  # 1.96 + 0.84: standard errors that 4 of 5 samples of the size decide
MOST_TIMES = 100
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def holm(p: Sequence[float]) -> Floats:
    """p-values adjusted for their number (Holm 1979, Scand. J. Statist. 6), in the given order.

    The i-th smallest of m is multiplied by m - i + 1, and none is smaller than the one before. NaN,
    where nothing was tested, stays NaN and does not count.
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full(len(values), np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    increasing = np.maximum.accumulate(values[order] * factors)
    adjusted[order] = np.minimum(increasing, 1.0)
    return adjusted


def is_decided(adjusted_p: float) -> bool:
    """Whether a difference is significant at 5 %; never where nothing was tested (NaN)."""
    return adjusted_p <= SIGNIFICANCE


def levels(adjusted: Floats) -> Floats:
    """The confidence level of the interval beside each difference, so that it agrees with Holm.

    Of m differences, R are decided. Beside a decided one stands the interval at 1 - R * alpha / m
    (Benjamini and Yekutieli 2005, J. Am. Stat. Assoc. 100), which never holds 0; beside another one
    that at 1 - alpha / (m - R) (Strassburger and Bretz 2008, Statistics in Medicine 27), which
    always does.
    """
    tested = int((~np.isnan(adjusted)).sum())
    is_decided_m = adjusted <= SIGNIFICANCE
    decided = int(is_decided_m.sum())
    of_decided = 1 - decided * SIGNIFICANCE / max(tested, 1)
    of_others = 1 - SIGNIFICANCE / max(tested - decided, 1)
    return np.where(is_decided_m, of_decided, of_others)


def verdict(paired: Difference, adjusted_p: float, margin: float) -> Verdict:
    """Is the first baseline better than the second?

    better or worse: the adjusted p is at most 5 %; equivalent: the 90 % interval is inside +-margin
    (two one-sided tests, Schuirmann 1987, J. Pharmacokinet. Biopharm. 15); else undecided.
    """
    if is_decided(adjusted_p):
        return "better" if paired.mean > 0 else "worse"
    low, high = paired.interval(0.90)
    if -margin < low and high < margin:
        return "equivalent"
    return "undecided"


def would_decide(undecided: Difference) -> str:
    """How many more images or trainings would decide a difference, if it stays as it is.

    In words. Decided in 4 of 5 cases at 5 %: the difference is 2.8 standard errors. The variance
    over images falls with their number, and that over trainings with theirs.
    """
    if undecided.images.unknown == "one episode":
        return "more episodes would decide"
    if undecided.images.unknown:
        return "more images of the smallest classes would decide"
    allowed = (undecided.mean / DECIDING) ** 2
    images = undecided.images.variance_units + 0.25 / undecided.images.units**2
    episodes = undecided.images.variance_episodes
    trainings = undecided.trainings.variance
    ways = []
    for what, part, others in (
        ("images", images, episodes + trainings),
        ("trainings", trainings, episodes + images),
    ):
        if part > 0 and allowed > others:
            ways.append(f"{_times(part / (allowed - others))} the {what}")
    if not ways and allowed > episodes:
        what = "images and trainings" if trainings > 0 else "images"
        ways.append(f"{_times((images + trainings) / (allowed - episodes))} the {what}")
    if not ways:
        return "a difference this small cannot be decided by these episodes"
    return f"{' or '.join(ways)} would decide, if the difference stays"


def _times(factor: float) -> str:
    if factor > MOST_TIMES:
        return f"more than {MOST_TIMES} times"
    return f"about {max(factor, 1.1):.1f} times"


def tie_letters(count: int, different: Iterable[tuple[int, int]]) -> list[str]:
    """Letters for `count` rows, best first: rows that are not shown to differ share one.

    Insert and absorb (Piepho 2004, J. Comput. Graph. Stat. 13). different: pairs of rows that are
    shown to differ.
    """
    groups = [frozenset(range(count))] if count else []
    for first, second in different:
        divided: list[frozenset[int]] = []
        for group in groups:
            if first in group and second in group:
                divided += [group - {first}, group - {second}]
            else:
                divided.append(group)
        groups = _largest(divided)
    groups.sort(key=sorted)
    letters = [""] * count
    for index, group in enumerate(groups):
        for row in group:
            letters[row] += _letter(index)
    return letters


def _largest(groups: list[frozenset[int]]) -> list[frozenset[int]]:
    """The groups that no other group holds, each once."""
    distinct = list(dict.fromkeys(groups))
    kept = []
    for group in distinct:
        if not any(group < other for other in distinct):
            kept.append(group)
    return kept


def _letter(index: int) -> str:
    """a to z, then A to Z, then a number in brackets."""
    letters = LETTERS + LETTERS.upper()
    return letters[index] if index < len(letters) else f"({index + 1})"
