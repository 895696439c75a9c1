"""Folders of results become one: nothing is lost, doubled or half-written, whatever the order."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.records import merge
from fewshot_bench.records.answered import Answered
from fewshot_bench.records.computing import Computing, read_computing, settle
from fewshot_bench.records.folder import ResultsFolder
from fewshot_bench.records.merge import merge_folders
from fewshot_bench.records.record import Record
from tests.helpers.files import contents_of
from tests.helpers.plugin_files import plugin
from tests.helpers.records import rewrite
from tests.helpers.runs import QUICK, SMALL, pack_by_columns, run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders, `left` and `right`, that share the cells of `untrained`."""
    place = tmp_path_factory.mktemp("made")
    run(place / "left", baselines=["pixels", "untrained"], episodes=20)
    run(place / "right", baselines=["untrained", "lbp"], episodes=20)
    return place


@pytest.fixture
def folders(made: Path, tmp_path: Path) -> Path:
    """A copy of these that may be changed."""
    for name in ("left", "right"):
        shutil.copytree(made / name, tmp_path / name)
    return tmp_path


def records_of(folder: Path) -> dict[str, bytes]:
    return contents_of(folder / "records")


def started(text: str) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        return dataclasses.replace(
            record, provenance=dataclasses.replace(record.provenance, started=text)
        )

    return change


def test_all_records_are_there_once_and_in_any_order_the_same(folders: Path):
    shares = merge_folders([folders / "left", folders / "right"], folders / "both").shares
    assert [(one.records, one.kept, one.same) for one in shares] == [(4, 4, 0), (4, 2, 2)]
    merge_folders([folders / "right", folders / "left"], folders / "other")
    both = records_of(folders / "both")
    assert len(both) == 2 * 6
    assert both == records_of(folders / "other")
    assert both == records_of(folders / "right") | records_of(folders / "left")
    assert len(list(ResultsFolder(folders / "both", write=False).predictions())) == 6


def test_checkpoints_are_taken_along_unless_they_are_not_wanted(made: Path, tmp_path: Path):
    inputs = [made / "left", made / "right"]
    shares = merge_folders(inputs, tmp_path / "with").shares
    names = {path.name for path in (tmp_path / "with" / "trainings").iterdir()}
    expected = set()
    for folder in inputs:
        expected |= {path.name for path in (folder / "trainings").iterdir()}
    assert names == expected
    assert sum(one.checkpoints for one in shares) == len(names)
    merge_folders(inputs, tmp_path / "without", checkpoints=False)
    assert not (tmp_path / "without" / "trainings").exists()
    assert not (tmp_path / "with" / "embeddings").exists()


def test_the_target_is_one_of_the_inputs(folders: Path):
    expected = records_of(folders / "right") | records_of(folders / "left")
    for inputs in (["right"], ["left", "right"]):  # it may be named among them too
        shutil.rmtree(folders / "target", ignore_errors=True)
        shutil.copytree(folders / "left", folders / "target")
        named = [folders / ("target" if name == "left" else name) for name in inputs]
        shares = merge_folders(named, folders / "target").shares
        assert [one.folder.name for one in shares] == ["target", "right"]
        assert records_of(folders / "target") == expected


def test_of_equal_records_the_older_stays_whatever_packed_its_array(folders: Path):
    change = started("2020-01-01T00:00:00+00:00")
    (path,) = rewrite(folders / "right", change, "untrained", first=True)
    # the same answers in other bytes
    results = ResultsFolder(folders / "right", write=False)
    stem = path.relative_to(results.paths.records).with_suffix("").as_posix()
    record = results.find(stem)
    assert record is not None
    pack_by_columns(results, record)
    array = results.paths.predictions(stem)
    left = ResultsFolder(folders / "left", write=False)
    assert array.read_bytes() != left.paths.predictions(stem).read_bytes()
    shares = merge_folders([folders / "right"], folders / "left").shares
    assert [(one.kept, one.same) for one in shares] == [(3, 1), (3, 1)]
    assert left.paths.record(stem).read_bytes() == path.read_bytes()
    assert left.paths.predictions(stem).read_bytes() == array.read_bytes()


def test_unequal_records_are_all_named_and_nothing_is_written(folders: Path):
    results = ResultsFolder(folders / "right", write=False)
    unequal = []
    for record in [one for one in results if one.baseline.name == "untrained"]:
        answers = results.predictions_of(record).answered
        changed = answers.predicted_TA.copy()
        changed[0, :2] = (changed[0, :2] + 1) % 3
        results.write(record, Answered(changed))
        unequal.append(record.stem)
    with pytest.raises(UserError, match="nothing was merged") as error:
        merge_folders([folders / "left", folders / "right"], folders / "both")
    text = str(error.value)
    assert len(unequal) == 2
    for stem in unequal:
        for name in ("left", "right"):
            assert str(ResultsFolder(folders / name, write=False).paths.record(stem)) in text
    assert "2 of 300 answers differ" in text
    assert not (folders / "both").exists()


def test_a_result_takes_the_place_of_a_failure_and_of_no_other_status(folders: Path):
    def failed(record: Record) -> Record:
        return dataclasses.replace(record, status="failed", reason="out of memory")

    (path,) = rewrite(folders / "left", failed, "untrained", first=True)
    name = path.relative_to(folders / "left" / "records")
    shares = merge_folders([folders / "right"], folders / "left").shares
    assert [(one.kept, one.same, one.failed) for one in shares] == [(3, 0, 1), (3, 1, 0)]
    assert path.read_bytes() == (folders / "right" / "records" / name).read_bytes()

    def diverged(record: Record) -> Record:
        return dataclasses.replace(record, status="diverged", reason="loss")

    rewrite(folders / "right", diverged, "untrained", first=True)
    with pytest.raises(UserError, match="ok and diverged"):
        merge_folders([folders / "right"], folders / "left")


def test_other_data_under_the_same_name_is_refused(made: Path, tmp_path: Path):
    run(tmp_path / "other", episodes=20, settings=SMALL | {"steel-sim.per_class": "20"})
    with pytest.raises(UserError, match="steel-sim is not the same data") as error:
        merge_folders([made / "left", tmp_path / "other"], tmp_path / "both")
    for folder in (made / "left", tmp_path / "other"):
        record = next(iter(ResultsFolder(folder, write=False)))
        assert f"digest {record.dataset.digest[:12]} in {folder}" in str(error.value)
    assert not (tmp_path / "both").exists()


def test_a_folder_that_has_both_states_of_the_data_takes_either(made: Path, tmp_path: Path):
    older = SMALL | {"steel-sim.per_class": "20"}
    for settings in (SMALL, older):
        run(tmp_path / "two", episodes=20, settings=settings)
    shares = merge_folders([made / "left"], tmp_path / "two").shares
    assert [one.kept for one in shares] == [4, 2] or [one.kept for one in shares] == [2, 4]


def test_what_is_damaged_is_named_at_once(folders: Path):
    left = sorted((folders / "left" / "records").rglob("*.json"))
    right = sorted((folders / "right" / "records").rglob("*.npz"))
    left[0].write_text("{")
    right[0].write_bytes(right[0].read_bytes()[:-9])
    right[-1].unlink()
    with pytest.raises(UserError) as error:
        merge_folders([folders / "left", folders / "right"], folders / "both")
    for path in (left[0], right[0], right[-1].with_suffix(".json")):
        assert str(path) in str(error.value)
    assert not (folders / "both").exists()


def test_a_damaged_checkpoint_is_named(folders: Path):
    checkpoint = next((folders / "right" / "trainings").iterdir())
    checkpoint.write_bytes(b"half")
    with pytest.raises(UserError, match=checkpoint.name):
        merge_folders([folders / "right", folders / "left"], folders / "both")
    assert not (folders / "both").exists()


def test_folders_that_cannot_be_merged_are_refused(folders: Path):
    left = folders / "left"
    (folders / "empty" / "records").mkdir(parents=True)
    for inputs, into, expected in [
        ([left, folders / "none"], "both", "none is no folder"),
        ([left, folders / "empty"], "both", "empty holds no record"),
        ([left, folders / "x" / ".." / "left"], "both", "named twice"),
        ([left], "left", "nothing to merge"),
        ([left], "left/records/both", "lies in"),
        ([left], "left/trainings", "lies in"),
    ]:
        (folders / "x").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=expected):
            merge_folders(inputs, folders / into)
    assert not (folders / "both").exists()
    (folders / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        merge_folders([left], folders / "file" / "both")


def test_a_folder_inside_another_one_is_no_part_of_it(folders: Path):
    merge_folders([folders / "left", folders / "right"], folders / "left" / "both")
    assert len(list(ResultsFolder(folders / "left", write=False))) == 4
    assert len(list(ResultsFolder(folders / "left" / "both", write=False))) == 6


@pytest.mark.parametrize("files", range(1, 14, 3))
def test_what_was_stopped_is_completed_by_the_same_call(
    folders: Path, monkeypatch: pytest.MonkeyPatch, files: int
):
    write = merge.write_atomically
    left = files

    def stopped(path: Path, fill: Callable[..., object]) -> None:
        nonlocal left
        if not left:
            raise KeyboardInterrupt
        left -= 1
        write(path, fill)

    monkeypatch.setattr(merge, "write_atomically", stopped)
    inputs = [folders / "left", folders / "right"]
    with pytest.raises(KeyboardInterrupt):
        merge_folders(inputs, folders / "both")
    for record in ResultsFolder(folders / "both", write=False):
        ResultsFolder(folders / "both", write=False).predictions_of(record)
    monkeypatch.undo()
    merge_folders(inputs, folders / "both")
    merge_folders(inputs, folders / "whole")
    for name in ("records", "trainings"):
        assert contents_of(folders / "both" / name) == contents_of(folders / "whole" / name)


def test_files_of_episodes_are_taken_along(tmp_path: Path):
    file = tmp_path / "episodes.npz"
    api.episodes(dataclasses.replace(QUICK, shots=[1]), file)
    with np.load(file) as stored:
        arrays = dict(stored)
    for name in set(arrays) - {"about"}:
        arrays[name] = arrays[name][::-1]  # another order: nobody draws it
    np.savez(file, **arrays)
    asked = {"shots": None, "queries": None, "episodes": None, "episodes_file": file}
    run(tmp_path / "out", **asked)
    merge_folders([tmp_path / "out"], tmp_path / "merged")
    kept = contents_of(tmp_path / "out" / "episodes")
    assert len(kept) == 1
    assert contents_of(tmp_path / "merged" / "episodes") == kept
    assert len(ResultsFolder(tmp_path / "merged", write=False).predictions()) == 1


def test_what_trainings_are_computed_with_is_that_of_the_first(folders: Path):
    settled = {"left": Computing("cpu", bf16=False, threads=1)}
    settle(folders / "left" / "computing.json", settled["left"])
    inputs = [folders / "right", folders / "left"]
    assert merge_folders(inputs, folders / "both").notes == []
    assert read_computing(folders / "both" / "computing.json") == settled["left"]

    settle(folders / "right" / "computing.json", Computing("cpu", bf16=True, threads=2))
    (note,) = merge_folders(inputs, folders / "both").notes
    assert f"{folders / 'right'}: cpu, bf16, 2 threads" in note
    assert read_computing(folders / "both" / "computing.json") == settled["left"]
    merge_folders(inputs, folders / "other")
    assert (folders / "other" / "computing.json").read_bytes() == (
        (folders / "right" / "computing.json").read_bytes()
    )


def test_records_of_an_older_version_keep_their_folder_or_get_a_new_name(tmp_path: Path):
    """Their folders had names with a colon."""
    run(tmp_path / "new", [plugin("made_family")], baselines=["made_family:seven"], episodes=20)
    (folder,) = (tmp_path / "new" / "records" / "steel-sim").iterdir()
    assert "%3A" in folder.name
    old = tmp_path / "old" / "records" / "steel-sim" / folder.name.replace("%3A", ":")
    shutil.copytree(folder, old)
    merge_folders([tmp_path / "old"], tmp_path / "merged")
    assert records_of(tmp_path / "merged") == records_of(tmp_path / "new")
    before = records_of(tmp_path / "old")
    merge_folders([tmp_path / "new"], tmp_path / "old")
    assert records_of(tmp_path / "old") == before
