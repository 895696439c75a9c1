"""Rows that could be taken for one another have names of their own."""

import dataclasses

import pytest

from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard.names import records_named, row_names
from fewshot_bench.leaderboard.record_columns import row_key
from fewshot_bench.records.record import Record
from tests.helpers.records import record


def named(*records: Record) -> list[str]:
    names = row_names(records)
    return [names[row_key(one)] for one in records]


def test_a_baseline_that_is_there_once_keeps_its_name():
    assert named(record(), record(shots=5)) == ["method", "method"]


def test_settings_that_differ_are_in_the_name_and_others_are_not():
    first = record(settings={"start": 1.0, "crop": 0.2})
    second = record(settings={"start": 10.0, "crop": 0.2})
    assert named(first, second) == ["method[start=1]", "method[start=10]"]
    third = record(settings={"start": 10.0, "crop": 0.3, "flip": True})
    fourth = record(settings={"start": 10.0, "crop": 0.3, "flip": False})
    assert named(third, fourth) == ["method[flip=true]", "method[flip=false]"]


def test_a_setting_that_follows_from_the_question_names_nothing():
    """The budget of a preset follows from the number of train images."""
    few = record(settings={"passes": 18_000}, train_classes=("a", "b"))
    many = record(settings={"passes": 36_000})
    assert named(few, many) == ["method", "method"]


def test_the_last_state_of_the_code_keeps_its_name():
    states = [record(sha256=f"code {day}", started=f"2026-01-0{day}") for day in (1, 3, 2)]
    assert named(*states) == ["method@older2", "method", "method@older"]


def test_older_code_is_marked_where_it_stands_alone_too():
    old = record(sha256="old", shots=1, started="2026-01-01")
    new = record(sha256="new", shots=5, started="2026-01-02")
    assert named(old, new) == ["method@older", "method"]


def test_older_images_of_the_data_set_are_marked():
    old = record(data="old", started="2026-01-01")
    new = record(data="new", started="2026-01-02")
    assert named(old, new) == ["method@older-data", "method"]


def test_all_rows_on_the_same_images_have_the_same_mark():
    old = [
        record(data="old", started="2026-01-01"),
        record(data="old", settings={"start": 1.0}, started="2026-01-02"),
    ]
    new = record(data="new", started="2026-01-03", name="other-protocol")
    assert all(name.endswith("@older-data") for name in named(*old, new)[:2])


def test_records_are_chosen_by_the_name_of_their_row_or_baseline():
    first = record(settings={"start": 1.0})
    second = record(settings={"start": 10.0})
    names = row_names([first, second])
    assert records_named(["method[start=10]"], [first, second], names) == [second]
    assert records_named(["method"], [first, second], names) == [first, second]
    assert records_named(None, [first, second], names) == [first, second]
    with pytest.raises(UserError, match=r"unknown baseline of the results 'method\[start=2\]'"):
        records_named(["method[start=2]"], [first, second], names)


def test_fewer_episodes_are_named():
    assert named(record(episodes=200), record(episodes=300)) == ["method[episodes=200]", "method"]


def test_fewer_episodes_are_named_alike_in_every_question_and_condition():
    """So that rows of one run stay on one line of a table, and in one group of splits."""
    few = [record(episodes=200, shots=shots) for shots in (1, 5)]
    few.append(record(episodes=200, test_classes=("d", "e", "g")))
    names = named(*few, record(episodes=300, shots=5))
    assert names == ["method[episodes=200]"] * 3 + ["method"]


def test_two_questions_do_not_name_each_other():
    assert named(record(), record(episode_seed=1)) == ["method", "method"]


def test_rows_that_nothing_names_are_told_apart_by_their_keys():
    first = record()
    second = dataclasses.replace(first, episodes_digests={2000: "others"})
    names = named(first, second)
    assert len(set(names)) == 2
    assert all(name.startswith("method#") for name in names)


@pytest.mark.parametrize("order", [1, -1])
def test_names_do_not_depend_on_the_order_of_the_records(order: int):
    old = record(sha256="old", started="2026-01-01")
    new = record(sha256="new", started="2026-01-01")
    names = row_names([old, new][::order])
    assert sorted(names.values()) == ["method", "method@older"]
    assert names == row_names([old, new])
