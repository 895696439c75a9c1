"""What notebooks call to merge folders and to hold them against each other."""

import dataclasses
from pathlib import Path

import pytest

import fewshot_bench
from fewshot_bench.errors import UserError
from fewshot_bench.records.record import Record
from tests.helpers.places import ROOT
from tests.helpers.records import rewrite
from tests.helpers.runs import SMALL, run


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
    folder = ROOT / "results" / "published" / "neu-pairs"
    frame = fewshot_bench.diff("neu-pairs", folder)
    assert set(frame["verdict"]) == {"same bits"}
    assert frame["cells"].sum() == len(list((folder / "records").rglob("*.json")))
    # a folder of that name here comes first
    run(tmp_path / "neu-pairs", shots=[1], episodes=20)
    assert set(fewshot_bench.diff("neu-pairs", folder)["verdict"]) == {"only in A", "only in B"}


def test_what_differs_is_told_with_the_difference(tmp_path: Path):
    folders = {budget: tmp_path / f"of-{budget}" for budget in (64, 320)}
    for budget, folder in folders.items():
        run(
            folder,
            shots=[1],
            baselines=["resnet", "pixels"],
            budget=None,
            settings=SMALL | {"resnet.passes": str(budget)},
        )
    frame = fewshot_bench.diff(*folders.values()).set_index("baseline")
    assert frame.loc["pixels", "verdict"] == "same bits"
    assert frame.loc["resnet", "differs_settings"] == "passes 64 -> 320"
    less, more = (
        fewshot_bench.leaderboard(folder).set_index("baseline").loc["resnet", "accuracy"]
        for folder in folders.values()
    )
    assert frame.loc["resnet", "difference"] == pytest.approx(more - less)


def test_a_place_without_results_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="did you mean 'neu-pairs'"):
        fewshot_bench.diff("neu-pair", "neu-pairs")
    with pytest.raises(UserError, match="holds no record"):
        fewshot_bench.diff("neu-pairs", tmp_path)
