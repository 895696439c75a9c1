"""Which method to take, what it will do on a new class, and what it is not told from.

Shapes: M methods, K shot values, S splits, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.advice.figures import Figures, mean_over_splits
from fewshot_bench.stats.new_class import (
    ByClass,
    Expectation,
    difference_by_class,
    expected_of_new_class,
)
from fewshot_bench.stats.verdicts import holm, is_decided

__all__ = ["Choice", "choose"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen method beside the others.

    best: its position; chosen_C: of the methods that are chosen without each class; promised: what
    to expect of a new class at each shot value, by these; expected_MK: the same of each method, as
    if it had been chosen beforehand; differences: of the chosen method to each in what they are
    ranked by, positive where the chosen one is better, with p by Holm; tied: positions of those
    that it is not told from; always_held_out: classes that every split holds out, so that no method
    was chosen in splits without them.
    """

    best: int
    chosen_C: Sequence[int]
    promised: Sequence[Expectation]
    expected_MK: Sequence[Sequence[Expectation]]
    differences: Sequence[ByClass]
    p_holm: Floats
    tied: Sequence[int]
    always_held_out: int


def choose(figures: Figures) -> Choice:
    """The method with the highest mean score over classes and shot values, and its promise.

    The best of many looks better than it is. So each class is promised by the method that is the
    best without it: chosen on the other classes, in the splits that do not hold it out where there
    are such.
    """
    held_out = figures.held_out
    accuracy_MKC = figures.accuracy_MKC[:, :, held_out]
    score_MKC = mean_over_splits(figures.score_MKSC)[:, :, held_out]
    images_C = figures.images_C[held_out]
    best = _best(score_MKC)
    chosen = [_best_without(figures, label) for label in held_out]
    promised = []
    for shot in range(len(figures.shots)):
        nested_C = accuracy_MKC[chosen, shot, np.arange(len(held_out))]
        promised.append(expected_of_new_class(nested_C, images_C))
    expected_MK = []
    for method_KC in accuracy_MKC:
        expected_MK.append([expected_of_new_class(one_C, images_C) for one_C in method_KC])
    differences = []
    for method_KC in score_MKC:
        difference_C = (score_MKC[best] - method_KC).mean(0)
        differences.append(difference_by_class(difference_C, images_C.sum()))
    # the chosen one is not compared with itself
    p = [math.nan if row == best else one.p for row, one in enumerate(differences)]
    p_holm = holm(p)
    tied = []
    for row, adjusted in enumerate(p_holm):
        if row != best and not is_decided(adjusted):
            tied.append(row)
    always_held_out = int(figures.is_new_SC.all(0).sum())
    return Choice(best, chosen, promised, expected_MK, differences, p_holm, tied, always_held_out)


def _best(score_MKC: Floats) -> int:
    """The first method with the highest mean."""
    return int(score_MKC.mean((1, 2)).argmax())


def _best_without(figures: Figures, label: int) -> int:
    """The best method on the other classes; of splits without the class, where there are such."""
    others = figures.score_without(label)
    kept = others[:, :, ~figures.is_new_SC[:, label]]
    score_MKC = mean_over_splits(kept if kept.shape[2] else others)
    has_value = ~np.isnan(score_MKC[0, 0])
    return _best(score_MKC[:, :, has_value])
