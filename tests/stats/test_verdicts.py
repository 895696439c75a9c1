"""Holm, the intervals that agree with it, verdicts, ties, and what would decide."""

import itertools
import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from fewshot_bench.stats.differences import Difference
from fewshot_bench.stats.influence import Influence
from fewshot_bench.stats.standard_error import Spread
from fewshot_bench.stats.verdicts import (
    holm,
    is_decided,
    levels,
    tie_letters,
    verdict,
    would_decide,
)

ONE_TRAINING = Spread(0.0, math.inf)


def difference(mean: float, se: float, trainings: Spread = ONE_TRAINING) -> Difference:
    """A difference with this standard error over very many images."""
    images = Influence(mean, se**2, 0.0, 0.0, 1e9, is_ever_wrong=True)
    return Difference("images", images, trainings)


def test_holm_equals_an_independent_library():
    p = np.random.default_rng(0).random(9) ** 3
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([]).tolist() == []
    with_none = holm([*p, np.nan])
    assert with_none[:9] == pytest.approx(holm(p)), "what was not tested does not count"
    assert np.isnan(with_none[9])


def test_intervals_agree_with_holm():
    rng = np.random.default_rng(0)
    decided = 0
    for _ in range(500):
        table = [difference(rng.normal(scale=0.03), 0.01) for _ in range(rng.integers(1, 12))]
        adjusted = holm([one.p for one in table])
        for one, p, level in zip(table, adjusted, levels(adjusted), strict=True):
            low, high = one.interval(level)
            assert (low <= 0 <= high) == (not is_decided(p))
            decided += is_decided(p)
    assert decided > 500


def test_levels_are_those_of_the_papers():
    adjusted = np.array([0.01, 0.02, 0.4, 0.9, np.nan])
    assert levels(adjusted)[:4] == pytest.approx([1 - 2 * 0.05 / 4] * 2 + [1 - 0.05 / 2] * 2)


@pytest.mark.parametrize(
    ("mean", "se", "p", "expected"),
    [
        (0.02, 0.005, 0.01, "better"),
        (-0.02, 0.005, 0.01, "worse"),
        (0.001, 0.002, 0.5, "equivalent"),
        (0.002, 0.003, 0.5, "undecided"),
        (0.002, 0.003, math.nan, "undecided"),
    ],
)
def test_verdicts(mean: float, se: float, p: float, expected: str):
    assert verdict(difference(mean, se), p, 0.005) == expected


def test_rows_share_a_letter_only_if_they_are_not_shown_to_differ():
    assert tie_letters(4, [(0, 2), (0, 3), (1, 3)]) == ["a", "ab", "bc", "c"]
    assert tie_letters(3, []) == ["a", "a", "a"]
    assert tie_letters(0, []) == []
    rng = np.random.default_rng(1)
    for _ in range(50):
        count = int(rng.integers(2, 9))
        pairs = list(itertools.combinations(range(count), 2))
        different = [pair for pair in pairs if rng.random() < 0.5]
        letters = tie_letters(count, different)
        for first, second in pairs:
            share = set(letters[first]) & set(letters[second])
            assert bool(share) == ((first, second) not in different)


def test_what_would_decide_is_enough_and_little_less_is_not():
    """At 95 % and 80 % power, one difference must be 1.96 + 0.84 = 2.8 standard errors."""
    assert would_decide(difference(0.01, 0.01), 0.95).startswith("about 7.9 times the images would")
    # beside others, Holm asks for more
    assert would_decide(difference(0.01, 0.01), 0.998).startswith("about 15.5 times the images")
    for level in (0.95, 0.99, 0.9995):
        one = difference(0.02, 0.01, Spread(0.01**2, 3))
        factor = float(would_decide(one, level).split()[1])
        more = one.with_more(images=factor, trainings=factor)
        assert more.mean >= more.half_width_that_decides(level, 0.8)
        less = one.with_more(images=0.9 * factor, trainings=0.9 * factor)
        assert less.mean < less.half_width_that_decides(level, 0.8)


def test_what_would_decide_names_what_is_wanting():
    both = difference(0.01, 0.01, Spread(0.01**2, 2))
    assert "times the images and trainings would" in would_decide(both, 0.95)
    seeds = difference(0.028, 0.001, Spread(0.02**2, 2))
    assert "times the trainings" in would_decide(seeds, 0.95)
    assert "times the images" not in would_decide(seeds, 0.95)
    assert would_decide(difference(0.0001, 0.01), 0.95).startswith("more than 100 times the images")
    wanting = {
        "too few images": "smallest classes",
        "too few pairs": "more pairs",
        "one episode": "episodes",
    }
    for unknown, expected in wanting.items():
        images = Influence(0.0, math.nan, 0, 0, 9, is_ever_wrong=True, unknown=unknown)
        assert expected in would_decide(Difference("images", images, ONE_TRAINING), 0.95)


def test_two_trainings_that_say_nothing_are_called_too_few():
    apart = difference(0.3, 0.01, Spread(0.2**2, 1))
    assert apart.kind == "too few trainings"
    assert apart.interval(0.95) == (-1.0, 1.0), "a difference of shares is no larger than 1"
