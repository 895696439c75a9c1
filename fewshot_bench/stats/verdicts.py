"""Which of many differences are decided: Holm's correction, verdicts, and intervals that agree."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats.differences import Difference

__all__ = [
    "Verdict",
    "holm",
    "is_decided",
    "level_of_undecided",
    "levels",
    "tie_letters",
    "verdict",
    "would_decide",
]

Floats = npt.NDArray[np.float64]
Verdict = Literal["better", "worse", "equivalent", "undecided"]

SIGNIFICANCE = 0.05
POWER = 0.8  # the share of samples of that size that decide
MOST_TIMES = 100
FACTORS = [tenths / 10 for tenths in range(11, 10 * MOST_TIMES + 1)]
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
    of_decided = 1 - int(is_decided_m.sum()) * SIGNIFICANCE / max(tested, 1)
    return np.where(is_decided_m, of_decided, level_of_undecided(adjusted))


def level_of_undecided(adjusted: Floats) -> float:
    """The confidence level of the interval beside differences that are not decided."""
    open_differences = int((adjusted > SIGNIFICANCE).sum())
    return 1 - SIGNIFICANCE / max(open_differences, 1)


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


def would_decide(undecided: Difference, level: float) -> str:
    """How many more images or trainings would decide a difference, if it stays as it is.

    In words. level: of the interval beside it, as `levels` gives it: the difference is decided once
    that interval leaves out 0, in 4 of 5 samples of such a size.
    """
    if undecided.images.unknown == "one episode":
        return "more episodes would decide"
    if undecided.images.unknown == "too few pairs":
        return "more pairs would decide"
    if undecided.images.unknown:
        return "more images of the smallest classes would decide"
    has_trainings = undecided.trainings.variance > 0
    ways = []
    for what, images, trainings in (("images", 1, 0), ("trainings", 0, 1)):
        factor = _least_factor(undecided, level, images, trainings)
        if factor is not None and (has_trainings or what == "images"):
            ways.append(f"about {factor:.1f} times the {what}")
    if not ways and has_trainings:
        factor = _least_factor(undecided, level, 1, 1)
        if factor is not None:
            ways.append(f"about {factor:.1f} times the images and trainings")
    if not ways:
        what = "images and trainings" if has_trainings else "images"
        ways.append(f"more than {MOST_TIMES} times the {what}")
    return f"{' or '.join(ways)} would decide, if the difference stays"


def _least_factor(undecided: Difference, level: float, images: int, trainings: int) -> float | None:
    """By how much to multiply images or trainings (1: this one, 0: not); None: not by 100."""

    def decides(factor: float) -> bool:
        more = undecided.with_more(images=factor**images, trainings=factor**trainings)
        return abs(more.mean) >= more.half_width_that_decides(level, POWER)

    position = bisect.bisect_left(FACTORS, x=True, key=decides)
    return FACTORS[position] if position < len(FACTORS) else None


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
