"""The jackknife variance: against the exact one over all episodes there are, and what groups and roles do to it."""

import itertools

import numpy as np
import pytest

from fewshot_bench.stats.correctness import Correctness, difference_moments
from fewshot_bench.stats.design import Design
from fewshot_bench.stats.influence import influence, influence_over_runs, jackknife_values
from tests.helpers.exact import delete_one, exact_accuracy
from tests.helpers.prototypes import nearest_ways
from tests.helpers.simulation import correctness_of_runs, drawn_design, pool_of


def features_of(labels: np.ndarray, seed: int) -> np.ndarray:
    noise = 0.6 * np.random.default_rng(seed).normal(size=(len(labels), 4))
    return (np.eye(labels.max() + 1, 4)[labels] + noise).astype(np.float32)


def correctness(features: np.ndarray, design: Design) -> Correctness:
    ways = np.arange(design.classes_TN.shape[1])[:, None]
    return Correctness(design, [nearest_ways(features, design) == ways])


def all_episodes(sizes: list[int], shots: int) -> Design:
    """Every choice of support images, with all the others as queries."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    images = [np.flatnonzero(labels == label) for label in range(len(sizes))]
    sets = [list(itertools.combinations(of_class, shots)) for of_class in images]
    support = np.array(list(itertools.product(*sets)))
    query = np.full((len(support), len(sizes), max(sizes) - shots), -1)
    for episode, way in np.ndindex(query.shape[:2]):
        rest = np.setdiff1d(images[way], support[episode, way])
        query[episode, way, : len(rest)] = rest
    classes = np.tile(np.arange(len(sizes)), (len(support), 1))
    return Design(classes, support, query, labels)


@pytest.mark.parametrize(("sizes", "shots"), [([6, 6], 2), ([5, 7], 3), ([6, 5, 4], 1)])
def test_over_all_episodes_it_is_the_delete_one_jackknife(sizes: list[int], shots: int):
    design = all_episodes(sizes, shots)
    features = features_of(design.labels_M, 1)
    moments = correctness(features, design).moments
    values = delete_one(features, design.labels_M, shots)
    assert moments.accuracy_T.mean() == pytest.approx(
        exact_accuracy(features, design.labels_M, shots)
    )
    means = np.array([values[design.labels_M == label].mean() for label in range(len(sizes))])
    found, apart = jackknife_values(design, moments)
    assert not apart.any()
    assert found == pytest.approx(values - means[design.labels_M], abs=1e-9)


@pytest.mark.parametrize(("images", "shots", "queries"), [(8, 1, 5), (8, 3, None), (10, 5, 4)])
def test_from_drawn_episodes_it_comes_to_the_exact_variance(images: int, shots: int, queries: int):
    design = drawn_design(pool_of(3, images), 3, shots, queries, 20_000)
    features = features_of(design.labels_M, shots)
    values = delete_one(features, design.labels_M, shots)
    exact = sum(values[design.labels_M == c].var(ddof=1) / images for c in range(3))
    found = influence(design, correctness(features, design).moments)
    assert found.variance_units == pytest.approx(exact, rel=0.1)
    assert found.mean == pytest.approx(exact_accuracy(features, design.labels_M, shots), abs=0.005)


def test_the_variance_does_not_depend_on_the_number_of_episodes():
    few = drawn_design(pool_of(3, 30), 3, 5, 10, 250)
    many = drawn_design(pool_of(3, 30), 3, 5, 10, 8000)
    means = []
    for design in (few, many):
        found = [
            influence(design, correctness(features_of(design.labels_M, s), design).moments)
            for s in range(40)
        ]
        means.append(np.mean([one.variance_units for one in found]))
    assert means[0] == pytest.approx(means[1], rel=0.15)


def test_a_difference_of_a_baseline_with_itself_has_no_variance():
    design = drawn_design(pool_of(3, 20), 3, 1, 5, 500)
    one = correctness(features_of(design.labels_M, 0), design)
    found = influence(design, difference_moments(one, one))
    assert (found.mean, found.variance, found.is_ever_wrong) == (0.0, 0.0, False)


def test_a_class_that_is_too_small_has_no_variance_and_a_small_one_is_told():
    for images, is_too_small, is_small in (
        (6, True, True),
        (7, False, True),
        (11, False, True),
        (12, False, False),
    ):
        design = drawn_design(((0, images), (images, 30)), 2, 5, 1, 300)
        found = influence(design, correctness(features_of(design.labels_M, 0), design).moments)
        assert np.isnan(found.variance_units) == is_too_small
        assert design.samples.too_small == ([0] if is_too_small else [])
        assert design.samples.on_safe_side == ([0] if is_small else [])


def test_a_group_counts_once_however_many_copies_it_holds():
    """Each image twice, as a group: the same variance as each image once, and half of it if copies count as images."""
    once = drawn_design(pool_of(3, 12), 3, 2, None, 4000)
    features = features_of(once.labels_M, 0)
    twice = Design(
        once.classes_TN,
        2 * once.support_TNK,
        np.concatenate([2 * once.query_TNQ, 2 * once.query_TNQ + 1], axis=2),
        np.repeat(once.labels_M, 2),
        groups_M=np.repeat(np.arange(36), 2),
    )
    expected = influence(once, correctness(features, once).moments)
    found = influence(twice, correctness(features.repeat(2, axis=0), twice).moments)
    assert found.variance_units == pytest.approx(expected.variance_units, rel=0.02)
    assert found.units == expected.units


def test_a_group_of_several_classes_adds_what_it_does_to_each():
    """Groups 0 to 9 hold an image of every class, and a group is easy or hard in all of them."""
    design = drawn_design(pool_of(3, 10), 3, 1, None, 2000)
    apart = Design(design.classes_TN, design.support_TNK, design.query_TNQ, design.labels_M)
    together = Design(
        design.classes_TN,
        design.support_TNK,
        design.query_TNQ,
        design.labels_M,
        np.tile(np.arange(10), 3),
    )
    right = design.query_TNQ % 10 < 5
    variances = []
    for one in (apart, together):
        variances.append(influence(one, Correctness(one, [right]).moments).variance_units)
    assert variances[1] == pytest.approx(3 * variances[0], rel=0.05)


def test_where_roles_are_fixed_references_and_queries_are_two_samples():
    """Images 0 to 9 of each class are references alone: their part and that of the queries are added."""
    references = drawn_design(pool_of(3, 10), 3, 1, 1, 3000)
    queries = drawn_design(pool_of(3, 20), 3, 1, 8, 3000, seed="y")
    order = [np.argsort(one.classes_TN, axis=1)[:, :, None] for one in (references, queries)]
    start = 30 * np.arange(3)[None, :, None]
    support_TNK = np.take_along_axis(references.support_TNK, order[0], 1) % 10 + start
    query_TNQ = np.take_along_axis(queries.query_TNQ, order[1], 1) % 20 + 10 + start
    labels = np.repeat(np.arange(3), 30)
    design = Design(np.tile(np.arange(3), (3000, 1)), support_TNK, query_TNQ, labels)
    assert design.samples.is_apart_C.all()
    by_query = influence(design, Correctness(design, [query_TNQ % 3 > 0]).moments).variance_units
    is_right = np.arange(10, 30) % 3 > 0
    assert by_query == pytest.approx(3 * is_right.var(ddof=1) / 20 / 9, rel=0.1)
    good = (support_TNK % 10 < 5) & (query_TNQ >= 0)  # what is right hangs on the reference alone
    by_reference = influence(design, Correctness(design, [good]).moments).variance_units
    assert by_reference == pytest.approx(3 * (5 / 18) / 10 / 9, rel=0.1)


def test_a_few_images_in_both_roles_do_not_hide_that_roles_are_fixed():
    """References 0 to 24, queries 24 to 49: one image is both, and the variance stays that of two samples."""
    variances = []
    for first_query in (25, 24):
        rng = np.random.default_rng(0)
        support = np.array([rng.choice(25, 1, replace=False) for _ in range(1800)])
        query = np.array(
            [rng.choice(np.arange(first_query, 50), 9, replace=False) for _ in range(1800)]
        )
        query[(query == support).any(1)] = np.arange(30, 39)  # never both in one episode
        start = 50 * np.arange(3)[None, :, None]
        design = Design(
            np.tile(np.arange(3), (600, 1)),
            support.reshape(600, 3, 1) + start,
            query.reshape(600, 3, 9) + start,
            np.repeat(np.arange(3), 50),
        )
        assert design.samples.is_apart_C.all()
        right = rng.random(query.shape) < 0.3 + 0.6 * (query % 2)
        moments = Correctness(design, [right.reshape(600, 3, 9)]).moments
        variances.append(influence(design, moments).variance_units)
    assert variances[1] == pytest.approx(variances[0], rel=0.3)


def test_groups_of_several_classes_are_counted_once_in_the_effective_number():
    design = drawn_design(pool_of(3, 5), 3, 1, None, 300)
    together = Design(
        design.classes_TN,
        design.support_TNK,
        design.query_TNQ,
        design.labels_M,
        np.tile(np.arange(5), 3),
    )
    assert design.samples.effective_units == pytest.approx(15)
    assert together.samples.effective_units == pytest.approx(5)


def test_over_runs_it_is_the_formula_of_its_docstring():
    rng = np.random.default_rng(0)
    right_RNQ = rng.random((5, 2, 60)) < rng.uniform(0.3, 1.0, (2, 60))
    runs = correctness_of_runs(right_RNQ, [60, 30])
    for weights in (np.array([2 / 3, 1 / 3]), np.array([1.0, 0.0])):
        found = influence_over_runs(runs.design, runs.moments, weights)
        means = [right_RNQ[:, label, :size].mean(0) for label, size in ((0, 60), (1, 30))]
        parts = [mean.var(ddof=1) / len(mean) for mean in means]
        assert found.variance_units == pytest.approx(weights**2 @ parts)
        assert found.mean == pytest.approx(weights @ [mean.mean() for mean in means])
        assert found.units == pytest.approx(1 / (weights**2 @ [1 / 60, 1 / 30]))


def test_without_references_it_is_the_variance_of_the_class_recalls():
    rng = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [4, 6, 9])
    right_M = rng.random(len(labels)) < 0.7
    query = np.full((2, 3, 9), -1)
    for way in range(3):
        images = np.flatnonzero(labels == way)
        query[:, way, : len(images)] = images
    labels = np.append(labels, [3, 3])  # a class that no episode holds
    support = np.zeros((2, 3, 0), dtype=np.int64)
    design = Design(np.tile(np.arange(3), (2, 1)), support, query, labels)
    moments = Correctness(design, [right_M[query]]).moments
    found = influence(design, moments)
    by_class = [right_M[labels[: len(right_M)] == way] for way in range(3)]
    assert found.mean == pytest.approx(np.mean([right.mean() for right in by_class]))
    expected = sum(right.var(ddof=1) / len(right) for right in by_class) / 9
    assert found.variance == pytest.approx(expected)
