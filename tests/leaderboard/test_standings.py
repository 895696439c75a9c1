"""Accuracies while a run goes on are those of its leaderboard in the end."""

from pathlib import Path

import pytest

from fewshot_bench.api import Outcome
from fewshot_bench.leaderboard.standings import Standings
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import run


def standings_of(out: Path, outcome: Outcome) -> Standings:
    standings = Standings(out)
    for record in outcome.records:
        standings.add(record)
    while standings.compute_one():
        pass
    return standings


def test_a_standing_is_the_row_of_the_leaderboard(tmp_path: Path):
    """Over seeds, and where a baseline failed."""
    names = ["drawing", "raising"]
    outcome = run(tmp_path, [plugin(name) for name in names], baselines=names, seeds=2)
    standings = standings_of(tmp_path, outcome).so_far()
    rows = outcome.table.set_index(["baseline", "shots"])
    assert [(one.name, one.label) for one in standings] == [
        ("drawing", "1-shot"),
        ("drawing", "3-shot"),
        ("raising", "1-shot"),
        ("raising", "3-shot"),
    ]
    for one in standings[:2]:
        row = rows.loc[(one.name, one.condition)]
        assert (one.accuracy, one.low, one.high) == (row.accuracy, row.ci95_low, row.ci95_high)
        assert (one.status, one.trainings, one.failures, one.of) == ("ok", 2, 0, 0)
    for one in standings[2:]:
        assert (one.status, one.accuracy, one.trainings, one.failures) == ("failed", None, 0, 2)


def test_over_splits_it_is_the_mean_of_those_that_are_done(tmp_path: Path):
    outcome = run(tmp_path, splits="all", shots=[1])
    standings = Standings(tmp_path)
    for record in outcome.records[:3]:
        standings.add(record)
    for done in (0, 1, 2, 3):
        (one,) = standings.so_far()
        assert (one.splits, one.of) == ((done, 20) if done else (0, 0))
        standings.compute_one()
    first = {record.protocol.test_classes for record in outcome.records[:3]}
    table = outcome.table
    of_first = table["test_classes"].map(lambda text: tuple(text.split(" | ")) in first)
    assert one.accuracy == pytest.approx(table["accuracy"][of_first].mean())
    assert one.low is None


def test_runs_of_a_classification_protocol(tmp_path: Path):
    outcome = run(
        tmp_path,
        [plugin("head")],
        shots=None,
        queries=None,
        episodes=None,
        baselines=["head"],
        train_per_class=[10],
        runs=2,
    )
    (one,) = standings_of(tmp_path, outcome).so_far()
    row = outcome.table.iloc[0]
    assert (one.label, one.trainings) == ("10 a class", 2)
    assert (one.accuracy, one.low, one.high) == (row.accuracy, row.ci95_low, row.ci95_high)


def test_a_name_says_what_sets_a_row_apart_and_a_later_record_of_a_cell_counts(tmp_path: Path):
    few = run(tmp_path, episodes=20, shots=[1]).records[0]
    many = run(tmp_path, shots=[1]).records[0]
    standings = Standings(tmp_path)
    standings.add(few)
    assert standings.name_of(few) == "pixels"
    standings.add(many)
    assert standings.name_of(few) == "pixels[episodes=20]"
    standings.add(many)
    assert [one.trainings for one in standings.so_far()] == [1, 1]
