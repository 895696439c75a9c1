"""The choice on counts made up: the best one, what it is tied with, and a promise that is not its own."""

import numpy as np
import pytest

from fewshot_bench.advice.choice import choose
from fewshot_bench.advice.figures import Figures
from tests.helpers.counted import counted


def test_the_best_is_chosen_and_what_is_no_better_is_tied():
    found = counted([[0.9, 0.8, 0.95, 0.85], [0.89, 0.8, 0.94, 0.85], [0.5, 0.4, 0.55, 0.44]])
    choice = choose(found)
    assert choice.best == 0
    assert choice.tied == [1]
    assert choice.p_holm[2] < 0.05
    assert np.isnan(choice.p_holm[0])
    assert choice.promised[0].mean == pytest.approx(0.875)
    assert choice.promised[0].low < 0.8
    assert choice.promised[0].high > 0.95
    assert choice.differences[2].mean == pytest.approx(0.4025)


def test_the_promise_is_of_methods_chosen_without_each_class():
    """Either method is lucky on one class: chosen on all of them it would promise its luck."""
    lucky = counted([[1.0, 0.5, 0.5, 0.5], [0.5, 0.9, 0.52, 0.52]])
    choice = choose(lucky)
    assert choice.best == 0
    assert choice.chosen_C[0] == 1  # without the first class, the second method is better
    own = choice.expected_MK[choice.best][0].mean
    assert choice.promised[0].mean < own


def test_with_known_classes_what_they_lose_counts():
    """The first method recognises more of a new class by taking known ones for it."""
    new = [[0.95, 0.95, 0.95, 0.95], [0.9, 0.9, 0.9, 0.9]]
    found = counted(new, known=[0.6, 0.97])
    assert found.has_known
    assert choose(found).best == 1
    assert choose(counted(new)).best == 0
    assert found.known_MK[:, 0] == pytest.approx([0.6, 0.97])
    assert found.taken_for_new_MK[:, 0] == pytest.approx([0.4, 0.03])


def test_a_class_that_no_split_holds_out_is_no_part_of_the_promise():
    whole = counted([[0.9, 0.8, 0.7, 0.6]])
    part = Figures(
        whole.methods,
        whole.examples,
        whole.shots,
        whole.classes,
        whole.images_C,
        whole.is_new_SC[:1],
        whole.counts_MKSCC[:, :, :1],
        {},
    )
    assert part.held_out.tolist() == [0, 1]
    assert choose(part).promised[0].mean == pytest.approx(0.85)


def test_a_class_plays_no_part_as_a_known_one_in_the_choice_without_it():
    found = counted([[0.9, 0.8, 0.8, 0.8], [0.85, 0.85, 0.85, 0.85]], known=[0.9, 0.9])
    label = 0
    before = found.score_without(label)
    changed = found.counts_MKSCC.copy()
    is_known_S = ~found.is_new_SC[:, label]
    row = changed[1, 0, is_known_S, label]
    changed[1, 0, is_known_S, label] = row[:, ::-1]  # it is taken for others now
    other = Figures(
        found.methods,
        found.examples,
        found.shots,
        found.classes,
        found.images_C,
        found.is_new_SC,
        changed,
        {},
    )
    assert not np.allclose(other.known_MKSC, found.known_MKSC, equal_nan=True)
    assert np.allclose(other.score_without(label), before, equal_nan=True)
