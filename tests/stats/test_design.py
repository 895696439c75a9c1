"""Episodes that are drawn part by part give what the same episodes give at once."""

import numpy as np
import pytest

from fewshot_bench.stats.correctness import Correctness, PackedBits
from fewshot_bench.stats.design import Design, DrawnDesign
from fewshot_bench.stats.differences import difference
from fewshot_bench.stats.intervals import disjoint_half_width, estimate
from tests.helpers.simulation import answers, drawn_design

POOL = ((0, 20), (20, 14), (34, 31))


def in_parts(design: Design, block: int) -> DrawnDesign:
    def draw(start: int, stop: int):
        rows = slice(start, stop)
        return design.classes_TN[rows], design.support_TNK[rows], design.query_TNQ[rows]

    return DrawnDesign(draw, len(design), block, design.labels_M, design.groups_M)


def packed(right_TNQ: np.ndarray) -> PackedBits:
    bits = PackedBits(right_TNQ.shape)
    bits[:] = right_TNQ
    return bits


@pytest.mark.parametrize("queries", [4, None])
@pytest.mark.parametrize("groups", [False, True])
def test_estimates_and_differences_are_the_same(queries: int | None, groups: bool):
    design = drawn_design(POOL, 2, 3, queries, 500)
    if groups:
        groups_M = np.arange(len(design.labels_M)) // 2
        design = Design(
            design.classes_TN, design.support_TNK, design.query_TNQ, design.labels_M, groups_M
        )
    rng = np.random.default_rng(0)
    right = [answers(rng, design) & (design.query_TNQ >= 0) for _ in range(3)]
    apart = in_parts(design, 64)
    at_once = (Correctness(design, right[:2]), Correctness(design, right[2:]))
    bits = [packed(one) for one in right]
    by_parts = (Correctness(apart, bits[:2]), Correctness(apart, bits[2:]))
    for one, other in zip(at_once, by_parts, strict=True):
        assert vars(estimate(other)) == pytest.approx(vars(estimate(one)))
        assert np.array_equal(one.accuracy_ST, other.accuracy_ST)
        assert np.array_equal(one.count_U, other.count_U)
        assert disjoint_half_width(apart, other.accuracy_ST[0]) == pytest.approx(
            disjoint_half_width(design, one.accuracy_ST[0]), nan_ok=True
        )
    assert apart.disjoint_episodes == design.disjoint_episodes
    of_both = [difference(*at_once), difference(*by_parts)]
    assert of_both[1].p == pytest.approx(of_both[0].p)
    assert of_both[1].interval(0.9) == pytest.approx(of_both[0].interval(0.9))


def test_the_first_episodes_are_a_design():
    design = drawn_design(POOL, 2, 3, 4, 500)
    first = in_parts(design, 64).first(100)
    assert len(first) == 100
    assert np.array_equal(first.queries_U, design.first(100).queries_U)
    assert np.array_equal(first.classes_TN, design.classes_TN[:100])
