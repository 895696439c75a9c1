"""Intervals of a classification protocol, over other images and other runs."""

import numpy as np
import pytest

from fewshot_bench.stats import intervals as stats
from fewshot_bench.stats.correctness import Correctness, Design


def correct_of(right_RNQ: np.ndarray, sizes: list[int]) -> Correctness:
    """Every image asked about in every run."""
    runs, ways, most = right_RNQ.shape
    starts = np.cumsum([0, *sizes[:-1]])
    query_NQ = np.array(
        [
            [start + at if at < size else -1 for at in range(most)]
            for start, size in zip(starts, sizes, strict=True)
        ]
    )
    support = np.tile(starts[:, None], (runs, 1, 1))
    classes, query = np.tile(np.arange(ways), (runs, 1)), np.tile(query_NQ, (runs, 1, 1))
    return Correctness(
        Design(classes, support, query, np.repeat(np.arange(ways), sizes)), [right_RNQ]
    )


def test_the_interval_over_runs_is_the_formula_of_its_docstring():
    rng = np.random.default_rng(0)
    sizes, runs = [60, 30], 5
    hard = rng.uniform(0.3, 1.0, (2, 60))
    correct = correct_of(rng.random((runs, 2, 60)) < hard, sizes)
    recall_RC = np.array(
        [[correct.right_STNQ[0][r, c, :n].mean() for c, n in enumerate(sizes)] for r in range(runs)]
    )
    for weights in (np.array([2 / 3, 1 / 3]), np.array([0.5, 0.5]), np.array([1.0, 0.0])):
        found = stats.estimate_over_runs(correct, weights)
        images = [
            correct.right_STNQ[0][:, c, :n].mean(0).var(ddof=1) / n for c, n in enumerate(sizes)
        ]
        is_classification = (recall_RC @ weights).var(ddof=1) / runs
        assert found.accuracy == pytest.approx((recall_RC @ weights).mean())
        assert found.se_images == pytest.approx(np.sqrt(weights**2 @ images))
        assert found.se_seeds == pytest.approx(np.sqrt(is_classification))
        assert found.high - found.accuracy > 1.96 * np.sqrt(is_classification + weights**2 @ images)
        assert found.kind == "images+runs"


def test_few_errors_and_single_runs():
    perfect = np.ones((3, 2, 40), dtype=bool)
    found = stats.estimate_over_runs(correct_of(perfect, [40, 40]), np.array([0.5, 0.5]))
    assert (found.accuracy, found.kind, found.low) == (
        1.0,
        "rule-of-three",
        pytest.approx(1 - 3 / 80),
    )
    one_class = stats.estimate_over_runs(correct_of(perfect, [40, 40]), np.array([1.0, 0.0]))
    assert one_class.low == pytest.approx(1 - 3 / 40)  # of that class's images alone
    once = perfect.copy()
    once[:, 0, :2] = False
    assert (
        stats.estimate_over_runs(correct_of(once, [40, 40]), np.array([0.5, 0.5])).kind == "wilson"
    )
    single = correct_of(np.random.default_rng(1).random((1, 2, 40)) < 0.7, [40, 40])
    found = stats.estimate_over_runs(single, np.array([0.5, 0.5]))
    assert found.se_seeds == 0
    assert found.high - found.low > 0.1


def test_a_difference_over_runs_is_paired():
    rng = np.random.default_rng(2)
    common = rng.random((6, 2, 200)) < 0.8
    worse = common & (rng.random((6, 2, 200)) < 0.97)
    first, second = correct_of(common, [200, 200]), correct_of(worse, [200, 200])
    weights = np.array([0.5, 0.5])
    found, mirrored = (
        stats.difference_over_runs(a, b, weights) for a, b in ((first, second), (second, first))
    )
    assert found.p < 0.01
    assert (found.mean, found.low, found.high) == pytest.approx(
        (-mirrored.mean, -mirrored.high, -mirrored.low)
    )
    apart = [stats.estimate_over_runs(correct, weights) for correct in (first, second)]
    assert found.high - found.low < 0.5 * sum(part.high - part.low for part in apart)
