"""Which records are one row, and the accuracy of a row."""

from importlib.metadata import version
from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.runs import run


def test_records_of_another_version_are_a_row_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run(tmp_path / "out", shots=[1])
    monkeypatch.setattr("fewshot_bench.planning.plan.version", lambda package: "99.0")
    run(tmp_path / "out", shots=[1])
    table = api.leaderboard(tmp_path / "out")
    assert sorted(table["version"]) == sorted(["99.0", version("fewshot-bench")])
    assert table["seeds"].tolist() == [1, 1]


def test_accuracy_in_the_leaderboard_is_what_the_predictions_say(tmp_path: Path):
    outcome = run(tmp_path / "out", shots=[3])
    answer = ResultsFolder(tmp_path / "out").predictions_of(outcome.records[0])
    right = answer.predicted_TNQ == answer.episodes.classes_TN[:, :, None]
    assert outcome.table["accuracy"].item() == pytest.approx(right.mean())
