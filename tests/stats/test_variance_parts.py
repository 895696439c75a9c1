"""Parts of the spread: known ones are found, and their intervals hold."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from fewshot_bench.stats.variance_parts import (
    NO_UNIT,
    Part,
    Results,
    draw_part,
    part_of,
    whole,
)

METHODS = 4
SPLITS = 12
OF_METHOD = 0.06
OF_SPLIT = 0.04
NOISE = 0.01


def results(
    generator: np.random.Generator, *, noise: float = NOISE, splits: int = SPLITS
) -> Results:
    """Each method on each split, methods being source 0 and splits source 1."""
    method = generator.normal(0, OF_METHOD, METHODS)
    split = generator.normal(0, OF_SPLIT, splits)
    levels_nF = np.array(list(itertools.product(range(METHODS), range(splits))))
    draw = generator.normal(0, noise, splits)  # the methods answer the same episodes
    accuracy_n = 0.7 + method[levels_nF[:, 0]] + (split + draw)[levels_nF[:, 1]]
    return Results(
        accuracy_n=accuracy_n,
        noise_n=np.full(len(levels_nF), noise**2),
        drawn_n=levels_nF[:, 1],
        unit_n=levels_nF[:, 1],
        levels_nF=levels_nF,
    )


def part(found: Results, source: int) -> Part:
    """What a source does that differs alone somewhere."""
    one = part_of(found, source)
    assert one is not None
    return one


def test_known_parts_are_found() -> None:
    """Over many tables, the mean of V is the variance that each source was given."""
    generator = np.random.default_rng(0)
    tables = [results(generator, noise=0.02) for _ in range(200)]
    methods = np.mean([part(one, 0).spread ** 2 for one in tables])
    splits = np.mean([part(one, 1).spread ** 2 for one in tables])
    assert methods == pytest.approx(OF_METHOD**2, rel=0.1)
    assert splits == pytest.approx(OF_SPLIT**2, rel=0.1)  # without 0.02 ** 2, a quarter of it


def test_a_source_alone_has_everything() -> None:
    """Two methods, 0.6 and 0.8 on each split: V is 0.02, and nothing else differs."""
    levels_nF = np.array(list(itertools.product(range(2), range(3))))
    found = Results(
        accuracy_n=np.where(levels_nF[:, 0] == 0, 0.6, 0.8),
        noise_n=np.zeros(6),
        drawn_n=levels_nF[:, 1],
        unit_n=levels_nF[:, 1],
        levels_nF=levels_nF,
    )
    method = part(found, 0)
    assert method.comparisons == 3
    assert method.spread == pytest.approx(math.sqrt(0.02))
    assert method.low == pytest.approx(method.spread)  # the same on each split
    assert part(found, 1).spread == 0
    everything = whole(found)
    assert everything is not None
    assert everything.comparisons == 15
    assert everything.spread == pytest.approx(math.sqrt(0.02 * 9 / 15))


def test_noise_counts_where_draws_differ() -> None:
    """Two splits of one method, 0.1 apart: V is 0.005 less the noise of the draws."""
    found = Results(
        accuracy_n=np.array([0.7, 0.8]),
        noise_n=np.array([0.001, 0.003]),
        drawn_n=np.array([0, 1]),
        unit_n=np.array([NO_UNIT, NO_UNIT]),
        levels_nF=np.array([[0], [1]]),
    )
    assert part(found, 0).spread == pytest.approx(math.sqrt(0.005 - 0.002))
    same_draw = dataclasses.replace(found, drawn_n=np.array([0, 0]))
    assert part(same_draw, 0).spread == pytest.approx(math.sqrt(0.005))
    assert draw_part(found).spread == pytest.approx(math.sqrt(0.002))


def test_the_intervals_cover() -> None:
    """The interval over other splits holds what splits and draws were given, nearly as often as it
    says."""
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        of_splits = part(results(generator, splits=20), 1)
        covered += of_splits.low <= OF_SPLIT <= of_splits.high
    assert covered / 200 > 0.88


def test_without_three_units_there_is_no_interval() -> None:
    """Two splits say nothing about others; a source that never differs alone says nothing."""
    found = results(np.random.default_rng(2), splits=2)
    assert math.isnan(part(found, 0).low)
    assert math.isnan(part(found, 1).share_high)
    one_method = dataclasses.replace(found, levels_nF=np.zeros_like(found.levels_nF))
    assert part_of(one_method, 0) is None


def test_results_without_a_unit_stay() -> None:
    """A method that trains once belongs to no seed, and no interval leaves it out."""
    found = results(np.random.default_rng(3))
    is_first = found.levels_nF[:, 0] == 0
    kept = dataclasses.replace(found, unit_n=np.where(is_first, NO_UNIT, found.unit_n))
    assert part(kept, 1).spread == part(found, 1).spread
    assert part(kept, 1).high != part(found, 1).high
