"""How much of the spread of results comes from each of their sources.

A source moves results by V = 1/2 E (a - b)^2 over pairs of results that differ in it alone: the
"total effect" of Sobol' (1993) as Jansen (Computer Physics Communications 117, 1999, eq. 8)
estimates it, with what the source does together with others. So parts can add up to more than all.

Shapes: n results, F sources, U units.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fewshot_bench.stats import student

__all__ = ["FEWEST_UNITS", "NO_UNIT", "Part", "Results", "draw_part", "part_of", "whole"]

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

FEWEST_UNITS = 3
NO_UNIT = -1
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Results:
    """Results and where they come from.

    accuracy_n: fractions; noise_n: their variances over other pictures; drawn_n: the same code for
    results on the same episodes, whose noise cancels in a difference; unit_n: the split or training
    seed that the result stands for, NO_UNIT if none; levels_nF: a code for each source.
    """

    accuracy_n: Floats
    noise_n: Floats
    drawn_n: Codes
    unit_n: Codes
    levels_nF: Codes


@dataclass(frozen=True)
class Part:
    """What one source does. spread: the square root of V, a fraction; share: V over the whole.

    comparisons: pairs of results, or results. The bounds are of 95 % intervals over other units,
    NaN with fewer than three.
    """

    comparisons: int
    spread: float
    low: float
    high: float
    share: float
    share_low: float
    share_high: float


@dataclass(frozen=True, eq=False)
class _Mean:
    """A mean of V, and the same without each unit, (U,)."""

    count: int
    value: float
    without_U: Floats


def part_of(results: Results, source: int) -> Part | None:
    """What the source in this column does; None where no two results differ in it alone."""
    mean = _mean_of_pairs(results, _pairs_apart_in(results.levels_nF, source))
    return None if mean.count == 0 else _part(mean, _mean_of_all(results))


def draw_part(results: Results) -> Part:
    """What the draw of pictures and episodes does to one result."""
    return _part(_mean_of_each(results), _mean_of_all(results))


def whole(results: Results) -> Part | None:
    """The spread over any two results; None with fewer than two."""
    mean = _mean_of_all(results)
    if mean.count == 0:
        return None
    return replace(_part(mean, mean), share_low=math.nan, share_high=math.nan)


def _pairs_apart_in(levels_nF: Codes, source: int) -> Iterator[tuple[int, int]]:
    """Pairs of results that differ in this source and in no other."""
    groups: dict[bytes, list[int]] = {}
    others_nF = np.delete(levels_nF, source, axis=1)
    for result, others in enumerate(others_nF):
        groups.setdefault(others.tobytes(), []).append(result)
    level_n = levels_nF[:, source]
    for group in groups.values():
        for first, second in itertools.combinations(group, 2):
            if level_n[first] != level_n[second]:
                yield first, second


def _mean_of_all(results: Results) -> _Mean:
    pairs = itertools.combinations(range(len(results.accuracy_n)), 2)
    return _mean_of_pairs(results, pairs)


def _mean_of_pairs(results: Results, pairs: Iterator[tuple[int, int]]) -> _Mean:
    """Half the mean squared difference of the pairs, without the noise of their draws."""
    pairs_P2 = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    first_P = pairs_P2[:, 0]
    second_P = pairs_P2[:, 1]
    difference_P = results.accuracy_n[first_P] - results.accuracy_n[second_P]
    noise_P = (results.noise_n[first_P] + results.noise_n[second_P]) / 2
    is_same_draw_P = results.drawn_n[first_P] == results.drawn_n[second_P]
    value_P = difference_P**2 / 2 - np.where(is_same_draw_P, 0, noise_P)
    units_P2 = results.unit_n[pairs_P2]
    return _mean(value_P, units_P2, results.unit_n)


def _mean_of_each(results: Results) -> _Mean:
    return _mean(results.noise_n, results.unit_n[:, None], results.unit_n)


def _mean(value_P: Floats, units_Pk: Codes, unit_n: Codes) -> _Mean:
    """units_Pk: the units that each value stands for, k of them."""
    without = []
    for unit in _units(unit_n):
        is_kept_P = (units_Pk != unit).all(1)
        without.append(_average(value_P[is_kept_P]))
    return _Mean(len(value_P), _average(value_P), np.array(without))


def _units(unit_n: Codes) -> Sequence[int]:
    units = set(unit_n.tolist()) - {NO_UNIT}
    return sorted(units)


def _average(values: Floats) -> float:
    return float(values.mean()) if len(values) else math.nan


def _part(mean: _Mean, all_of_it: _Mean) -> Part:
    bounds = _bounds(mean.value, mean.without_U)
    share = mean.value / all_of_it.value if all_of_it.value > 0 else math.nan
    share_bounds = _bounds(share, mean.without_U / all_of_it.without_U)
    return Part(
        comparisons=mean.count,
        spread=_root(mean.value),
        low=_root(bounds[0]),
        high=_root(bounds[1]),
        share=max(0.0, share),
        share_low=share_bounds[0],
        share_high=share_bounds[1],
    )


def _bounds(value: float, without_U: Floats) -> tuple[float, float]:
    """An interval by the jackknife over units, of the logarithm where that can be taken."""
    units = len(without_U)
    if units < FEWEST_UNITS or not np.isfinite(without_U).all():
        return math.nan, math.nan
    reach = student.quantile((1 + LEVEL) / 2, units - 1)
    if value > 0 and (without_U > 0).all():
        half_width = reach * _jackknife_error(np.log(without_U))
        return value * math.exp(-half_width), value * math.exp(half_width)
    half_width = reach * _jackknife_error(without_U)
    return max(0.0, value - half_width), max(0.0, value + half_width)


def _jackknife_error(without_U: Floats) -> float:
    """The standard error of an estimate from its values without one unit each."""
    units = len(without_U)
    return math.sqrt((units - 1) * float(without_U.var()))


def _root(value: float) -> float:
    return math.sqrt(max(0.0, value)) if math.isfinite(value) else math.nan
