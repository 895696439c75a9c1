"""Two folders row by row: same bits, within the error, moved, and what has no partner."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.leaderboard import diff as module
from fewshot_bench.leaderboard.diff import DIFF
from fewshot_bench.leaderboard.origins import ORIGINS
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.record import Record
from tests.helpers.records import answer_otherwise, rewrite
from tests.helpers.runs import QUICK, pack_by_columns, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    run(out, baselines=["pixels", "untrained", "lbp"], shots=[1, 3], seeds=2)
    return out


@pytest.fixture
def folders(made: Path, tmp_path: Path) -> Path:
    """`a` and `b`, which are the same."""
    for name in ("a", "b"):
        shutil.copytree(made, tmp_path / name)
    return tmp_path


def diff_of(folders: Path) -> pd.DataFrame:
    names = ("a", "b")
    return module.diff(*(ResultsFolder(folders / name, write=False) for name in names))


def test_a_folder_and_its_copy_are_the_same_bits(folders: Path):
    frame = diff_of(folders)
    assert list(frame.columns) == list(DIFF)
    assert frame["verdict"].tolist() == ["same bits"] * 6
    assert frame["difference"].tolist() == [0.0] * 6
    assert frame["cells"].tolist() == frame["same"].tolist()
    assert frame["cells"].sum() == len(list(ResultsFolder(folders / "a", write=False)))
    assert (frame[list(ORIGINS)] == "").all(axis=None)
    assert frame["p"].isna().all()


def test_cells_of_another_version_are_matched_and_their_version_is_told(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("fewshot_bench.planning.plan.version", lambda package: "99.0")
    shutil.rmtree(folders / "b")
    run(folders / "b", baselines=["pixels", "untrained", "lbp"], shots=[1, 3], seeds=2)
    frame = diff_of(folders)
    assert frame["verdict"].tolist() == ["same bits"] * 6
    assert (frame["key_a"] != frame["key_b"]).all()
    assert frame["differs_code"].str.fullmatch(r"version \S+ -> 99\.0").all()


def test_many_other_answers_are_moved_and_one_is_within_the_error(folders: Path):
    assert answer_otherwise(folders / "b", "untrained", 1) == 2 * 2
    assert answer_otherwise(folders / "b", "lbp", 10**6) == 2 * 2
    frame = diff_of(folders)
    by_name = frame.groupby("baseline")["verdict"].unique().map(list).to_dict()
    assert by_name == {
        "untrained": ["moved"],
        "lbp": ["within the error"],
        "pixels": ["same bits"],
    }
    boards = [api.leaderboard(folders / name).set_index("key")["accuracy"] for name in "ab"]
    for row in frame[frame["verdict"] != "same bits"].to_dict("records"):
        expected = [boards[0][row["key_a"]], boards[1][row["key_b"]]]
        assert [row["accuracy_a"], row["accuracy_b"]] == pytest.approx(expected)
        assert row["difference"] == pytest.approx(expected[1] - expected[0])
        assert row["is_paired"]
        assert row["p_holm"] >= row["p"]
        assert (row["low"] <= 0 <= row["high"]) == (row["verdict"] == "within the error")
        assert row["same"] == 0
    shares = frame.set_index(["baseline", "shots"])["answers_changed"]
    assert shares["untrained", 1] == 1
    assert shares["lbp", 1] == pytest.approx(1 / (60 * 15))


def test_holm_is_over_all_rows_that_changed(folders: Path):
    answer_otherwise(folders / "b", "pixels", 40)
    alone = diff_of(folders).set_index(["baseline", "shots"])
    for name in ("lbp", "untrained"):
        answer_otherwise(folders / "b", name, 10**6)
    together = diff_of(folders).set_index(["baseline", "shots"])
    rows = [("pixels", 1), ("pixels", 3)]
    assert together.loc[rows, "p"].tolist() == alone.loc[rows, "p"].tolist()
    least = alone.loc[rows, "p"].idxmin()
    assert alone.loc[least, "p_holm"] == pytest.approx(min(1, 2 * alone.loc[least, "p"]))
    assert together.loc[least, "p_holm"] == pytest.approx(min(1, 6 * alone.loc[least, "p"]))


def test_the_same_answers_packed_into_other_bytes_are_the_same_bits(folders: Path):
    results = ResultsFolder(folders / "b", write=False)
    for record in list(results):
        pack_by_columns(results, record)
    a = {one.predictions.sha256 for one in ResultsFolder(folders / "a", write=False)}
    assert not a & {one.predictions.sha256 for one in results}
    assert set(diff_of(folders)["verdict"]) == {"same bits"}


def test_what_one_folder_lacks_is_told(folders: Path):
    for path in (folders / "b" / "records").rglob("lbp/*1shot*"):
        path.unlink()
    for path in (folders / "a" / "records").rglob("untrained/*3shot-seed1*"):
        path.unlink()
    frame = diff_of(folders)
    rows = {
        (row["baseline"], row["shots"], row["verdict"]): (row["cells"], row["seeds"])
        for row in frame.to_dict("records")
    }
    assert rows["lbp", 1, "only in A"] == (2, "0,1")
    assert rows["untrained", 3, "only in B"] == (1, "1")
    assert rows["untrained", 3, "same bits"] == (1, "0")
    assert len(rows) == 7


def test_other_episodes_of_the_same_images_are_not_paired(folders: Path):
    shutil.rmtree(folders / "b")
    run(folders / "b", shots=[1], episode_seed=7)
    frame = diff_of(folders)
    row = frame[(frame["baseline"] == "pixels") & (frame["shots"] == 1)].iloc[0]
    assert (row["verdict"], row["is_paired"]) == ("within the error", False)
    assert "seed 0 -> 7" in row["differs_episodes"]
    boards = [api.leaderboard(folders / name).set_index("key") for name in "ab"]
    sides = [boards[0].loc[row["key_a"]], boards[1].loc[row["key_b"]]]
    assert row["difference"] == pytest.approx(sides[1]["accuracy"] - sides[0]["accuracy"])
    se = np.hypot(*(side["se_images"] for side in sides))
    half_width = (row["ci95_high"] - row["ci95_low"]) / 2
    assert 1.96 * se < half_width < 2.5 * se


def test_fewer_episodes_are_compared_on_those_that_both_answered(folders: Path):
    shutil.rmtree(folders / "b")
    run(folders / "b", shots=[1], episodes=40)
    frame = diff_of(folders)
    row = frame[(frame["baseline"] == "pixels") & (frame["shots"] == 1)].iloc[0]
    assert row["is_paired"]
    assert row["episodes"] == 32
    assert row["difference"] == 0
    assert row["answers_changed"] == 0


def test_a_result_that_failed_in_one_folder(folders: Path):
    def failed(record: Record) -> Record:
        return dataclasses.replace(record, status="failed", reason="out of memory")

    rewrite(folders / "b", failed, "lbp", first=True)
    frame = diff_of(folders)
    (row,) = frame[frame["verdict"] == "other status"].to_dict("records")
    assert row["note"] == "seed 0: ok -> failed (out of memory)"
    assert row["same"] == 1
    rewrite(folders / "a", failed, "lbp", first=True)
    assert set(diff_of(folders)["verdict"]) == {"same bits"}


def test_what_could_be_matched_in_several_ways_is_named(folders: Path):
    for name in "ab":
        shutil.rmtree(folders / name)
    for name, choices in (("a", (0.5, 0.75)), ("b", (1.0,))):
        for power in choices:
            run(
                folders / name,
                shots=[3],
                rules=["whitened"],
                settings=QUICK.settings | {"whitened.power": str(power)},
            )
    frame = diff_of(folders)
    assert frame["verdict"].tolist() == ["ambiguous"] * 3
    assert sorted(frame["note"]) == [
        "in A; 1 record of B could be the same cell",
        "in A; 1 record of B could be the same cell",
        "in B; 2 records of A could be the same cell",
    ]
    assert sorted(frame["baseline"])[0] == "pixels+whitened[power=0.5]"


def with_history(loss: float):
    def change(record: Record) -> Record:
        training = dataclasses.replace(record.training, history=((64, loss),))
        return dataclasses.replace(record, training=training)

    return change


def test_trainings_are_pairs_only_where_they_are_the_same(folders: Path):
    """Another course of the loss: other trainings, whose spread counts in full."""
    answer_otherwise(folders / "b", "untrained", 7)
    same = diff_of(folders).set_index(["baseline", "shots"]).loc[("untrained", 1)]
    rewrite(folders / "b", with_history(0.5), "untrained")
    anew = diff_of(folders).set_index(["baseline", "shots"]).loc[("untrained", 1)]
    assert same["difference"] == anew["difference"]
    assert same["kind"] == anew["kind"] == "images+seeds"
    accuracies = []
    for name in "ab":
        table = api.leaderboard(folders / name)
        row = table[(table["baseline"] == "untrained") & (table["shots"] == 1)].iloc[0]
        accuracies.append(row["se_seeds"])
    assert np.hypot(*accuracies) > 0
    assert not same["is_one_training"]
    assert not anew["is_one_training"]
    assert same["p"] != anew["p"]


def test_one_training_each_says_so(folders: Path):
    for name in "ab":
        for path in (folders / name / "records").rglob("*seed1*"):
            path.unlink()
    answer_otherwise(folders / "b", "untrained", 2)
    rewrite(folders / "b", with_history(0.5), "untrained")
    frame = diff_of(folders).set_index(["baseline", "shots"])
    assert frame.loc[("untrained", 1), "is_one_training"]
    assert not frame.loc[("pixels", 1), "is_one_training"]


def test_damaged_arrays_are_named_though_their_records_agree(folders: Path):
    path = next((folders / "b" / "records").rglob("*.npz"))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=path.name):
        diff_of(folders)


CLASSES = ["Cr", "PS", "Sc"]
KINDS: dict[str, dict[str, object]] = {
    "classification": {"protocol": "steel-sim-small", "train_per_class": [3], "runs": 2},
    "pairs": {"pairs": 60, "test_classes": CLASSES, "train_classes": ["In", "Pa", "RS"]},
    "known classes": {"known": ["all"], "open_set": True, "test_classes": CLASSES, "ways": 2},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_protocol(tmp_path: Path, kind: str):
    free = {"shots": None, "queries": None, "episodes": None}
    changes = KINDS[kind] if kind == "known classes" else free | KINDS[kind]
    run(tmp_path / "a", **changes)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert set(diff_of(tmp_path)["verdict"]) == {"same bits"}
    answer_otherwise(tmp_path / "b", "pixels", 2)
    frame = diff_of(tmp_path)
    assert set(frame["is_paired"]) == {True}
    assert frame["answers_changed"].between(0.3, 0.51).all()
    boards = [api.leaderboard(tmp_path / name).set_index("key")["accuracy"] for name in "ab"]
    for row in frame.to_dict("records"):
        expected = [boards[0][row["key_a"]], boards[1][row["key_b"]]]
        assert [row["accuracy_a"], row["accuracy_b"]] == pytest.approx(expected)
        assert row["difference"] == pytest.approx(expected[1] - expected[0])
        assert row["verdict"] in ("moved", "within the error")
