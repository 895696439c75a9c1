"""What is measured in episodes with further queries, against plain loops."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from fewshot_bench.records.answered import ranks_of
from fewshot_bench.stats.open_world import (
    Sharing,
    Values,
    area_under_roc,
    false_accepts,
    harmonic_mean,
    harmonic_weights,
    mean_recall,
)

RNG = np.random.default_rng(3)


def cases(known: int, unknown: int, episodes: int = 6):
    """Scores with ties, and the places of both kinds of queries; some places are padding."""
    scores = RNG.integers(0, 12, (episodes, known + unknown)).astype(np.float32)
    has_references = np.zeros(scores.shape, dtype=bool)
    has_references[:, :known] = True
    is_query = RNG.random(scores.shape) < 0.9
    is_query[:, [0, 1, -1, -2]] = True
    ranks = ranks_of(scores, is_query)
    return scores, ranks, has_references & is_query, ~has_references & is_query


SINGLE = Sharing(None)


def plain_false_accepts(known: np.ndarray, unknown: np.ndarray) -> float:
    rejected = int(0.05 * len(known) + 1e-9)
    threshold = np.sort(known)[rejected]
    return float((unknown >= threshold).mean())


def assert_without_each_query(measure, plain, known: int, unknown: int, of_unit: int = 1):
    """of_unit: queries beside each other that are one unit, all of one kind."""
    scores, ranks, has_references, is_unknown = cases(known, unknown)
    units = np.arange(known + unknown) // of_unit
    units_TA = np.where(has_references | is_unknown, units, -1)
    sharing = SINGLE if of_unit == 1 else Sharing.of(units_TA)
    values: Values = measure(ranks, has_references, is_unknown, sharing)
    for episode, of_episode in enumerate(scores):
        references = has_references[episode]
        others = is_unknown[episode]
        expected = plain(of_episode[references], of_episode[others])
        assert values.value_T[episode] == pytest.approx(expected)
        for place in np.flatnonzero(references | others):
            rest = units != units[place]
            without = plain(of_episode[references & rest], of_episode[others & rest])
            assert values.without_TA[episode, place] == pytest.approx(without), place


@pytest.mark.parametrize(("known", "unknown", "of_unit"), [(8, 5, 1), (60, 4, 1), (60, 9, 3)])
def test_area_under_roc(known: int, unknown: int, of_unit: int):
    def plain(of_known: np.ndarray, of_unknown: np.ndarray) -> float:
        labels = [1] * len(of_known) + [0] * len(of_unknown)
        return float(roc_auc_score(labels, np.concatenate([of_known, of_unknown])))

    assert_without_each_query(area_under_roc, plain, known, unknown, of_unit)


@pytest.mark.parametrize(
    ("known", "unknown", "of_unit"),
    [(8, 5, 1), (20, 6, 1), (43, 4, 1), (64, 9, 1), (60, 9, 3), (60, 16, 4), (80, 16, 8)],
)
def test_false_accepts(known: int, unknown: int, of_unit: int):
    assert_without_each_query(false_accepts, plain_false_accepts, known, unknown, of_unit)


def test_blocks_leave_no_seam(monkeypatch: pytest.MonkeyPatch):
    _, ranks, has_references, is_unknown = cases(8, 5)
    whole = area_under_roc(ranks, has_references, is_unknown, SINGLE)
    monkeypatch.setattr("fewshot_bench.stats.open_world.COUNTED", 20)
    in_blocks = area_under_roc(ranks, has_references, is_unknown, SINGLE)
    assert (whole.value_T == in_blocks.value_T).all()


def test_mean_recall_and_what_it_is_without_a_query():
    right = np.array([[True, True, False, False, True, True]])
    is_query = np.array([[True, True, True, True, False, True]])
    groups = np.array([0, 0, 0, 1, 1, -1])
    values = mean_recall(right, is_query, groups, SINGLE)
    assert values.value_T == pytest.approx([(2 / 3 + 0) / 2])
    without = values.without_TA[0]
    assert without[0] == pytest.approx((1 / 2 + 0) / 2)
    assert without[2] == pytest.approx((1 + 0) / 2)
    assert np.isnan(without[3])  # the last one of its class
    assert without[5] == pytest.approx(values.value_T[0])


def test_all_queries_of_a_unit_are_left_out_at_once():
    right = np.array([[True, False, True, True, False]])
    is_query = np.ones((1, 5), dtype=bool)
    groups = np.zeros(5, dtype=np.int64)
    sharing = Sharing.of(np.array([[0, 0, 1, 2, 2]]))
    without = mean_recall(right, is_query, groups, sharing).without_TA[0]
    assert without == pytest.approx([2 / 3, 2 / 3, 1 / 2, 2 / 3, 2 / 3])


def test_harmonic_mean():
    assert harmonic_mean(0.5, 1.0) == pytest.approx(2 / 3)
    assert harmonic_mean(0.0, 0.0) == 0.0
    step = 1e-6
    first, second = harmonic_weights(0.4, 0.9)
    slope = (harmonic_mean(0.4 + step, 0.9) - harmonic_mean(0.4, 0.9)) / step
    assert first == pytest.approx(slope, rel=1e-4)
    slope = (harmonic_mean(0.4, 0.9 + step) - harmonic_mean(0.4, 0.9)) / step
    assert second == pytest.approx(slope, rel=1e-4)
    assert harmonic_weights(0.0, 0.0) == (0.0, 0.0)
