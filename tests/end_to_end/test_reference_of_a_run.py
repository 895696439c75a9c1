"""A run is compared with a reference that its folder holds, whether or not the run asked for it."""

import dataclasses
from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from tests.helpers.runs import QUICK, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "out"
    run(out, baselines=["pixels", "untrained"], shots=[1])
    return out


def test_a_reference_may_be_of_an_earlier_run(folder: Path):
    request = dataclasses.replace(QUICK, shots=[1], baselines=["lbp"])
    outcome = api.run(request, folder, reference="untrained")
    assert outcome.comparison is not None
    assert outcome.comparison[["baseline", "reference"]].to_numpy().tolist() == [
        ["lbp", "untrained"]
    ]
    (note,) = [note for note in outcome.notes if note.startswith("ranks and ties")]
    assert "pixels" in note
    assert "untrained" in note


def test_an_unknown_reference_is_told_before_anything_runs(folder: Path):
    request = dataclasses.replace(QUICK, shots=[1], baselines=["lbp"])
    message = "unknown reference 'pixel'; did you mean 'pixels'"
    with pytest.raises(UserError, match=message) as raised:
        api.run(request, folder, reference="pixel")
    assert "lbp" in str(raised.value)
    assert "untrained" in str(raised.value)


def test_a_reference_of_other_questions_is_a_note_and_loses_no_run(folder: Path):
    request = dataclasses.replace(QUICK, shots=[2], baselines=["pixels"])
    outcome = api.run(request, folder, reference="untrained")
    assert outcome.comparison is None or outcome.comparison.empty
    assert len(outcome.table) == 1
