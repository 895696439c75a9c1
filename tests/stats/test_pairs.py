"""The variance of what is measured on pairs, against plain loops and against simulated data sets."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fewshot_bench.records.answered import ranks_of
from fewshot_bench.stats.design import Units
from fewshot_bench.stats.pairs import (
    PairDesign,
    Value,
    accuracy_of_pairs,
    area_of_pairs,
    influence_of_pairs,
)
from tests.pair_study import coverage

RNG = np.random.default_rng(5)
LABELS = np.repeat([0, 1], 6)


def design(groups: np.ndarray | None = None) -> PairDesign:
    """20 pairs of each kind that two classes have."""
    pairs = np.array(list(itertools.permutations(range(12), 2)))
    first, second = LABELS[pairs].T
    chosen = []
    for one, two in ((0, 0), (0, 1), (1, 1)):
        of_kind = np.flatnonzero((first == one) & (second == two))
        chosen.append(RNG.choice(of_kind, 20, replace=False))
    return PairDesign(pairs[np.concatenate(chosen)], Units.of(LABELS, groups))


def plain_variance(asked: PairDesign, value: Value, groups: np.ndarray) -> float:
    """The sum of e_p e_q over pairs that share a group, in a double loop."""
    effect_P = value.effect_P.copy()
    for kind in range(3):
        of_kind = asked.kind_P == kind
        centred = effect_P[of_kind] - effect_P[of_kind].mean()
        effect_P[of_kind] = centred * np.sqrt(20 / 19)
    total = 0.0
    for p, q in itertools.product(range(60), repeat=2):
        shared = set(groups[asked.image_P2[p]]) & set(groups[asked.image_P2[q]])
        # times 6 / 5, as a class has six images; what two images share counts once
        total += effect_P[p] * effect_P[q] * (len(shared) * 6 / 5 - (len(shared) == 2))
    return total


def test_the_variance_is_the_sum_over_pairs_that_share_an_image():
    asked = design()
    good_M = RNG.random(12) < 0.6
    value = accuracy_of_pairs(good_M[asked.image_P2].any(1))
    found = influence_of_pairs(asked, value, is_ever_wrong=True)
    assert found.variance == pytest.approx(plain_variance(asked, value, np.arange(12)))
    assert found.mean == value.mean


def test_chance_makes_no_interval_of_no_width():
    asked = design()
    # an image is right in one kind of pair and wrong in the other, which takes all variance away
    good_M = np.arange(12) % 2 == 0
    value = accuracy_of_pairs(good_M[asked.image_P2].all(1) == asked.is_same_P)
    found = influence_of_pairs(asked, value, is_ever_wrong=True)
    assert found.variance >= 0.4 * value.mean * (1 - value.mean) / 60


def test_images_of_a_group_count_as_one():
    groups = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    single = design()
    grouped = PairDesign(single.image_P2, Units.of(LABELS, groups))
    # three groups a class are the fewest: these have two
    value = accuracy_of_pairs(RNG.random(60) < 0.5)
    assert influence_of_pairs(grouped, value, is_ever_wrong=True).unknown == "too few images"
    of_each = np.arange(12) // 2
    by_two = PairDesign(single.image_P2, Units.of(LABELS, of_each))
    # an image that has its own answer in common with its group makes the variance larger
    good_M = np.repeat(RNG.random(6) < 0.5, 2)
    alike = accuracy_of_pairs(good_M[single.image_P2].all(1))
    variances = [
        influence_of_pairs(one, alike, is_ever_wrong=True).variance for one in (single, by_two)
    ]
    assert variances[1] > 1.2 * variances[0]


def test_the_area_is_that_of_a_plain_curve_and_its_effects_add_up():
    asked = design()
    scores = RNG.integers(0, 9, 60).astype(np.float32)
    ranks = ranks_of(scores[None], np.ones((1, 60), dtype=bool))[0]
    value = area_of_pairs(ranks, asked.is_same_P)
    assert value.mean == pytest.approx(roc_auc_score(asked.is_same_P, scores))
    assert value.effect_P[asked.is_same_P].sum() == pytest.approx(value.mean)
    assert value.effect_P[~asked.is_same_P].sum() == pytest.approx(value.mean)


@pytest.mark.parametrize("setting", [(300, 900), (20, 60)], ids=["as published", "few images"])
def test_the_intervals_cover_what_they_say(setting: tuple[int, int]):
    for figures in coverage(200, setting, 0.5).values():
        _, covered, _ = figures
        assert 0.91 <= covered <= 0.99
