"""What notebooks call to merge folders and to hold them against each other."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

import fewshot_bench
from fewshot_bench.errors import UserError
from fewshot_bench.records.record import Record
from tests.helpers.places import ROOT
from tests.helpers.records import rewrite
from tests.helpers.runs import run


def test_a_merged_folder_has_the_tables_of_one_run(tmp_path: Path):
    run(tmp_path / "a", baselines=["pixels"], episodes=20)
    run(tmp_path / "b", baselines=["untrained"], episodes=20, seeds=2)
    merged = fewshot_bench.merge([tmp_path / "a", str(tmp_path / "b")], tmp_path / "c")
    assert merged.table["kept"].tolist() == [2, 4]
    assert merged.notes == []
    run(tmp_path / "one", baselines=["pixels"], episodes=20)
    whole = run(tmp_path / "one", baselines=["untrained"], episodes=20, seeds=2)
    for name in ("leaderboard.csv", "leaderboard-wide.csv"):
        content = (tmp_path / "c" / name).read_bytes()
        assert content == (tmp_path / "one" / name).read_bytes()
    assert {path.name for path in merged.files} == {path.name for path in whole.files}


def test_a_training_that_several_machines_made_is_told(tmp_path: Path):
    def made_elsewhere(record: Record) -> Record:
        training = dataclasses.replace(record.training, history=((64, record.shots / 2),))
        return dataclasses.replace(record, training=training)

    for name, shots in (("a", 1), ("b", 3)):
        run(tmp_path / name, shots=[shots], episodes=20)
        rewrite(tmp_path / name, made_elsewhere)
    merged = fewshot_bench.merge([tmp_path / "a", tmp_path / "b"], tmp_path / "c")
    (note,) = merged.notes
    assert note.startswith("1 training was made in several folders")


def test_a_published_folder_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = ROOT / "results" / "published" / "neu-small"
    frame = fewshot_bench.diff("neu-small", folder)
    assert set(frame["verdict"]) == {"same bits"}
    assert frame["cells"].sum() == len(list((folder / "records").rglob("*.json")))
    # a folder of that name here comes first
    run(tmp_path / "neu-small", shots=[1], episodes=20)
    assert set(fewshot_bench.diff("neu-small", folder)["verdict"]) == {"only in A", "only in B"}


def test_trainings_of_more_images_moved():
    frame = fewshot_bench.diff("neu-heldout", "neu-heldout-long")
    rows = frame.set_index(["baseline", "shots"])
    assert rows.loc[("scl", 1), "verdict"] == "moved"
    assert rows.loc[("pixels", 1), "verdict"] == "same bits"
    assert rows.loc[("scl", 1), "differs_settings"] == "passes 12000 -> 40000"
    board = [
        pd.read_csv(ROOT / "results" / "published" / name / "leaderboard.csv", index_col="key")
        for name in ("neu-heldout", "neu-heldout-long")
    ]
    row = rows.loc[("scl", 1)]
    expected = board[1].loc[row["key_b"], "accuracy"] - board[0].loc[row["key_a"], "accuracy"]
    assert row["difference"] == pytest.approx(expected, abs=2e-6)


def test_a_place_without_results_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="did you mean 'neu-small'"):
        fewshot_bench.diff("neu-smal", "neu-small")
    with pytest.raises(UserError, match="holds no record"):
        fewshot_bench.diff("neu-small", tmp_path)
