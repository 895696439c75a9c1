"""Cells of two folders are matched by what they are, and never guessed."""

import dataclasses

from fewshot_bench.leaderboard.matching import Matching, match
from fewshot_bench.records.record import Record
from tests.helpers.records import record


def counts(matching: Matching) -> tuple[int, int, int, int]:
    return (
        len(matching.cells),
        len(matching.only_first),
        len(matching.only_second),
        len(matching.ambiguous),
    )


def test_a_cell_keeps_its_place_whatever_becomes_of_it():
    """Its key holds code and version, so it is of no help."""
    before = record(key="a")
    for changes in (
        {"sha256": "edited"},
        {"data": "other"},
        {"episodes": 200},
        {"episode_seed": 7},
        {"settings": {"power": 0.5}},
        {"version": 2},
    ):
        matching = match([before], [record(key="b", **changes)])
        assert counts(matching) == (1, 0, 0, 0), changes


def test_another_question_condition_seed_or_encoder_is_another_cell():
    before = record(key="a")
    for changes in (
        {"shots": 3},
        {"seed": 1},
        {"ways": 2},
        {"queries": None},
        {"test_classes": ("d", "e", "g")},
        {"name": "neu-other"},
        {"settings": {"encoder": "resnet50"}},
        {"unlabelled": 0.5},
    ):
        matching = match([before], [record(key="b", **changes)])
        assert counts(matching) == (0, 1, 1, 0), changes
    other_rule = dataclasses.replace(before.baseline, rule="ridge", is_own_rule=False)
    assert counts(match([before], [dataclasses.replace(before, baseline=other_rule)])) == (
        (0, 1, 1, 0)
    )


def matched(first: list[Record], second: list[Record]) -> set[tuple[str, str]]:
    matching = match(first, second)
    return {(cell.first.key, cell.second.key) for cell in matching.cells}


def test_several_of_one_place_are_told_apart_by_what_else_is_equal():
    full = record(key="full", settings={"power": 1.0})
    half = record(key="half", settings={"power": 0.5})
    new_full = record(key="new full", settings={"power": 1.0}, sha256="edited")
    new_half = record(key="new half", settings={"power": 0.5}, sha256="edited")
    expected = {("full", "new full"), ("half", "new half")}
    assert matched([full, half], [new_half, new_full]) == expected
    # one of them alone, whose settings decide though they stand in another place
    matching = match([full, half], [new_half])
    assert matched([full, half], [new_half]) == {("half", "new half")}
    assert [one.key for one in matching.only_first] == ["full"]


def test_the_same_key_is_the_same_cell_among_older_states():
    old = record(key="old", sha256="old")
    new = record(key="new", sha256="new")
    newest = record(key="newest", sha256="newest")
    assert matched([old, new], [new, newest]) == {("new", "new"), ("old", "newest")}


def test_settings_as_given_tell_apart_where_a_default_changed():
    plain = record(key="plain", settings={"power": 1.0})
    given = record(key="given", settings={"power": 0.5}, given={"power": 0.5})
    new_plain = record(key="new plain", settings={"power": 1.0, "views": 1})
    new_given = record(key="new given", settings={"power": 0.5, "views": 1}, given={"power": 0.5})
    expected = {("plain", "new plain"), ("given", "new given")}
    assert matched([plain, given], [new_given, new_plain]) == expected


def test_what_could_be_matched_in_several_ways_is_not():
    first = [record(key="1", settings={"power": 1.0}), record(key="2", settings={"power": 2.0})]
    second = [record(key="3", settings={"power": 3.0})]
    matching = match(first, second)
    assert counts(matching) == (0, 0, 0, 1)
    ((firsts, seconds),) = matching.ambiguous
    assert [one.key for one in (*firsts, *seconds)] == ["1", "2", "3"]
