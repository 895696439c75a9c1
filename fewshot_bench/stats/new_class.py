"""What to expect of one more class, from classes that were each held out in turn.

Shapes: C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats import student

__all__ = ["ByClass", "Expectation", "difference_by_class", "expected_of_new_class"]

Floats = npt.NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class Expectation:
    """The mean over classes, and an interval for one more class: fractions.

    low, high: NaN with a single class.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class ByClass:
    """The mean difference of two methods over classes, its 95 % interval, and p of no difference.

    low, high, p: NaN with a single class.
    """

    mean: float
    low: float
    high: float
    p: float


def expected_of_new_class(accuracy_C: Floats, images_C: Floats) -> Expectation:
    """What to expect of a class that was not measured: a 95 % prediction interval.

    The classes count as drawn from those that may come. The interval is Student's t with C - 1
    degrees of freedom for one more draw, m +- t s sqrt(1 + 1/C), on the scale asin(sqrt(accuracy)),
    on which the noise of an accuracy does not depend on its size; it ends at 0 and 1. s holds the
    spread over classes and, as each class was measured on its own images, that over images. It is
    at least the noise of a share of so many images, 1 / (2 sqrt(n)): classes that all are
    recognised without an error are no proof that the next one is.

    images_C: how many images each class was measured on.
    """
    mean = float(accuracy_C.mean())
    classes = len(accuracy_C)
    if classes < 2:
        return Expectation(mean, math.nan, math.nan)
    angle_C = np.arcsin(np.sqrt(accuracy_C))
    noise = float((0.25 / images_C).mean())
    variance = max(float(angle_C.var(ddof=1)), noise)
    t = student.quantile((1 + LEVEL) / 2, classes - 1)
    half_width = t * math.sqrt(variance * (1 + 1 / classes))
    centre = float(angle_C.mean())
    low = math.sin(max(0.0, centre - half_width)) ** 2
    high = math.sin(min(math.pi / 2, centre + half_width)) ** 2
    return Expectation(mean, min(low, mean), max(high, mean))


def difference_by_class(difference_C: Floats, images: float) -> ByClass:
    """The paired difference of two methods, with what another choice of classes would change.

    Student's t over the differences of single classes, C - 1 degrees of freedom. As in
    `Difference`, half of one of the `images` may be answered differently.
    """
    mean = float(difference_C.mean())
    classes = len(difference_C)
    if classes < 2:
        return ByClass(mean, math.nan, math.nan, math.nan)
    if not difference_C.any():
        return ByClass(0.0, 0.0, 0.0, 1.0)
    variance = float(difference_C.var(ddof=1)) / classes + 0.25 / images**2
    error = math.sqrt(variance)
    half_width = student.quantile((1 + LEVEL) / 2, classes - 1) * error
    p = 2 * student.below(-abs(mean) / error, classes - 1)
    return ByClass(mean, max(-1.0, mean - half_width), min(1.0, mean + half_width), p)
