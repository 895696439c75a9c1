"""What can be made again goes where it is asked for, and never a record."""

from pathlib import Path

import pytest

from fewshot_bench import room
from fewshot_bench.errors import UserError
from fewshot_bench.records.claims import Claims
from fewshot_bench.records.folder import ResultsFolder
from tests.helpers.runs import run

TRAINED = {"baselines": ["untrained", "siamese"], "budget": 64, "shots": [1]}


def files(out: Path, folder: str) -> set[str]:
    return {path.name for path in out.glob(f"{folder}/**/*") if path.is_file()}


def keys(out: Path, name: str) -> set[str]:
    found = [record for record in ResultsFolder(out) if record.baseline.name == name]
    return {record.training.key for record in found}


def test_of_each_method_the_checkpoints_of_its_last_run_stay(tmp_path: Path):
    run(tmp_path, **TRAINED)
    (untrained,) = keys(tmp_path, "untrained")
    (first,) = keys(tmp_path, "siamese")
    outcome = run(tmp_path, **{**TRAINED, "baselines": ["siamese"], "budget": 32})
    (second,) = keys(tmp_path, "siamese") - {first}
    stay = {f"{key}.safetensors" for key in (untrained, second)}
    assert files(tmp_path, "trainings") == stay
    (note,) = [note for note in outcome.notes if "checkpoints" in note]
    assert note.startswith("1 checkpoints were removed (")


def test_cleaning_removes_what_can_be_made_again_and_no_record(tmp_path: Path):
    outcome = run(tmp_path, **TRAINED)
    records = files(tmp_path, "records")
    stopped = tmp_path / "trainings" / "a.unfinished.safetensors"
    stopped.write_bytes(b"a state")
    held = next(iter(keys(tmp_path, "siamese")))
    with Claims(tmp_path / "claims").held(held):
        would = room.clean(tmp_path, dry_run=True)
        assert len(files(tmp_path, "trainings")) == 3
        removed = room.clean(tmp_path)
    assert dict(zip(would["kind"], would["files"], strict=True)) == {
        "checkpoint": 2,
        "features": 2,
        "pair scores": 1,
        "claim": 1,
    }
    assert removed["bytes"].sum() < would["bytes"].sum()
    assert files(tmp_path, "trainings") == {stopped.name, f"{held}.safetensors"}
    assert not files(tmp_path, "embeddings") | files(tmp_path, "pairs")
    assert files(tmp_path, "records") == records
    again = run(tmp_path, **{**TRAINED, "shots": [1, 2]})
    first = {record.key for record in outcome.records}
    assert {record.key for record in again.records if record.shots == 1} == first
    assert not again.failed


def test_the_commands(bench, tmp_path: Path):
    run(tmp_path, **TRAINED)
    status, out, _ = bench("clean", "--dry-run", "--out", tmp_path)
    assert status == 0
    assert "would remove checkpoint: 2, " in out
    assert out.endswith("; bench clean does it\n")
    assert bench("clean", "--out", tmp_path)[0] == 0
    assert not files(tmp_path, "trainings")
    status, out, _ = bench("clean", "--out", tmp_path)
    assert (status, out) == (0, f"{tmp_path}: removed 0 B\n")
    status, _, err = bench("clean", "--out", tmp_path / "nowhere")
    assert status == 2
    assert "does not exist" in err
    status, _, err = bench("run", "--keep-checkpoints", "some", "--out", tmp_path / "new")
    assert status == 2
    assert "unknown value of --keep-checkpoints 'some'" in err


def test_none_and_all(tmp_path: Path):
    from fewshot_bench import api
    from tests.helpers.runs import QUICK

    for kept, number in (("all", 2), ("none", 0)):
        out = tmp_path / kept
        request = {"baselines": ["untrained"], "shots": [1]}
        for seed in (0, 1):
            api.run(QUICK, out, keep_checkpoints=kept, seed=seed, **request)
        assert len(files(out, "trainings")) == number
    with pytest.raises(UserError, match="allowed: none, last, all"):
        api.run(QUICK, tmp_path, keep_checkpoints="most")
