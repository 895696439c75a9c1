"""Records of older versions are read, damaged ones are named."""

import json
from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from tests.helpers.runs import run


def test_records_of_the_first_schema_are_read(tmp_path: Path):
    outcome = run(tmp_path / "out")
    for path in (tmp_path / "out" / "records").rglob("*.json"):
        values = json.loads(path.read_text()) | {"schema": 1}
        for name in ("train_size", "first_episode"):
            del values[name]
        del values["protocol"]["kind"], values["dataset"]["published"]
        path.write_text(json.dumps(values))
    table = api.leaderboard(tmp_path / "out")
    assert table["accuracy"].tolist() == outcome.table["accuracy"].tolist()


def test_damaged_results_are_named(tmp_path: Path):
    outcome = run(tmp_path / "out", shots=[1])
    (record,) = (tmp_path / "out" / "records").rglob("*.json")
    array = record.with_suffix(".npz")
    whole, text = array.read_bytes(), record.read_text()
    for damage, expected in [
        (lambda: array.write_bytes(whole[:-1]), "digest"),
        (lambda: record.write_text(text.replace('"schema": 2', '"schema": 99')), "newer"),
        (lambda: record.write_text(text[:100]), "is not a record"),
        (
            lambda: record.write_text(text.replace(outcome.records[0].episodes_digest, "0" * 32)),
            "do not match their digest",
        ),
    ]:
        damage()
        with pytest.raises(UserError, match=expected):
            api.leaderboard(tmp_path / "out")
        array.write_bytes(whole)
        record.write_text(text)
    array.unlink()
    assert run(tmp_path / "out", shots=[1]).table.equals(
        outcome.table
    )  # a record without its array is made again
