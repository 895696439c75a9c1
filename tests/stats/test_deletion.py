"""The delete-one jackknife of any value of an episode."""

import itertools

import numpy as np
import pytest

from fewshot_bench.stats.correctness import Correctness
from fewshot_bench.stats.deletion import OpenDesign, influence_of, measured
from fewshot_bench.stats.design import Design, Units
from fewshot_bench.stats.influence import influence
from fewshot_bench.stats.open_world import Sharing, mean_recall
from tests.helpers.exact import delete_one
from tests.helpers.simulation import answers, drawn_design, pool_of


def open_design(design: Design) -> OpenDesign:
    """The same episodes, without further queries."""
    episodes, ways, queries = design.query_TNQ.shape
    return OpenDesign(
        design.classes_TN,
        design.support_TNK.reshape(episodes, -1),
        design.query_TNQ.reshape(episodes, -1),
        ways * queries,
        Units.of(design.labels_M, design.groups_M),
    )


def recall_values(design: Design, right_TNQ: np.ndarray):
    episodes, ways, queries = design.query_TNQ.shape
    groups = np.repeat(np.arange(ways), queries)
    is_query = (design.query_TNQ >= 0).reshape(episodes, -1)
    flat = open_design(design)
    units = np.append(flat.units.of_M, -1)[flat.query_TA]
    sharing = Sharing(None) if design.groups_M is None else Sharing.of(units)
    return mean_recall(right_TNQ.reshape(episodes, -1), is_query, groups, sharing)


def every_episode(sizes: list[int], shots: int) -> Design:
    """All episodes there are over all classes; all other images are queries."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    members = [np.flatnonzero(labels == label) for label in range(len(sizes))]
    choices = [list(itertools.combinations(images, shots)) for images in members]
    support = np.array(list(itertools.product(*choices)))
    query = np.full((len(support), len(sizes), max(sizes) - shots), -1)
    for episode, of_classes in enumerate(support):
        for label, chosen in enumerate(of_classes):
            rest = np.setdiff1d(members[label], chosen)
            query[episode, label, : len(rest)] = rest
    classes = np.tile(np.arange(len(sizes)), (len(support), 1))
    return Design(classes, support, query, labels)


@pytest.mark.parametrize(("sizes", "shots"), [([5, 6], 2), ([6, 4, 5], 1)])
def test_over_all_episodes_it_is_leaving_out_each_image(sizes: list[int], shots: int):
    design = every_episode(sizes, shots)
    rng = np.random.default_rng(1)
    features = np.eye(len(sizes), 4)[design.labels_M] + 0.7 * rng.normal(
        size=(len(design.labels_M), 4)
    )
    centres = features[design.support_TNK].mean(2)
    distance = np.square(features[design.query_TNQ][..., None, :] - centres[:, None, None]).sum(-1)
    right = distance.argmin(-1) == np.arange(len(sizes))[:, None]
    values = recall_values(design, right)
    # one part: the episodes of each image are all there
    from fewshot_bench.stats import deletion

    deletions = deletion._deletions(open_design(design), values.value_T, values.without_TA)
    sizes_M = np.array(sizes)[design.labels_M]
    expected = delete_one(features, design.labels_M, shots)
    assert np.allclose((sizes_M - 1) * deletions, expected, atol=1e-9)


def test_of_an_accuracy_it_agrees_with_the_jackknife_of_accuracies():
    design = drawn_design(pool_of(4, 30), ways=3, shots=5, queries=10, episodes=3000)
    right = answers(np.random.default_rng(0), design)
    moments = Correctness(design, [right]).moments
    expected = influence(design, moments)
    opened = open_design(design)
    values = recall_values(design, right)
    parts = measured(opened, values.value_T, values.without_TA)
    found = influence_of(opened, parts, parts.mean, shots=5, is_ever_wrong=True)
    assert found.mean == pytest.approx(expected.mean, abs=1e-12)
    assert found.variance_episodes == pytest.approx(expected.variance_episodes)
    assert found.variance_units == pytest.approx(expected.variance_units, rel=0.1)


def grouped(groups: int, of_group: int) -> tuple[Design, np.ndarray]:
    """Two classes of so many groups, all of whose images are queries of every episode."""
    labels = np.repeat([0, 1], groups * of_group)
    query_NQ = np.arange(len(labels)).reshape(2, -1)
    episodes = 40
    design = Design(
        np.tile([0, 1], (episodes, 1)),
        np.full((episodes, 2, 0), 0),
        np.tile(query_NQ, (episodes, 1, 1)),
        labels,
        np.arange(len(labels)) // of_group,
    )
    rng = np.random.default_rng(groups)
    of_groups = np.repeat(rng.random(2 * groups), of_group).reshape(2, -1)
    return design, np.tile(rng.random(query_NQ.shape) < of_groups, (episodes, 1, 1))


@pytest.mark.parametrize(("groups", "of_group"), [(3, 10), (5, 4), (10, 1)])
def test_a_group_is_left_out_at_once(groups: int, of_group: int):
    design, right = grouped(groups, of_group)
    values = recall_values(design, right)
    parts = measured(open_design(design), values.value_T, values.without_TA)
    recalls_NQ = right[0].astype(float)
    expected = []
    for label in range(2):
        for group in range(groups):
            kept = np.delete(recalls_NQ[label], slice(group * of_group, (group + 1) * of_group))
            without = (kept.mean() + recalls_NQ[1 - label].mean()) / 2
            expected.append(recalls_NQ.mean() - without)
    assert parts.deletion_BU.mean(0) == pytest.approx(np.array(expected))


def test_groups_are_units():
    design = drawn_design(pool_of(3, 30), ways=3, shots=1, queries=8, episodes=2000)
    right = answers(np.random.default_rng(0), design)
    paired = Design(
        design.classes_TN,
        design.support_TNK,
        design.query_TNQ,
        design.labels_M,
        np.arange(90) // 2,
    )
    opened = open_design(paired)
    values = recall_values(paired, right)
    parts = measured(opened, values.value_T, values.without_TA)
    found = influence_of(opened, parts, parts.mean, shots=1, is_ever_wrong=True)
    assert found.units == pytest.approx(45)


@pytest.mark.parametrize(
    ("count", "episodes", "why"),
    [(6, 200, "too few images"), (30, 1, "one episode"), (30, 3, "too few drawn")],
)
def test_where_there_is_no_variance(count: int, episodes: int, why: str):
    design = drawn_design(pool_of(2, count), ways=2, shots=5, queries=1, episodes=episodes)
    right = np.ones(design.query_TNQ.shape, dtype=bool)
    opened = open_design(design)
    values = recall_values(design, right)
    parts = measured(opened, values.value_T, values.without_TA)
    found = influence_of(opened, parts, parts.mean, shots=5, is_ever_wrong=False)
    assert found.unknown == why
    assert np.isnan(found.variance)
