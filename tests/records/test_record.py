"""Records of older versions are read, damaged ones are named."""

import json
from pathlib import Path

import pytest

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.records.record import read_record
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


@pytest.mark.parametrize(
    ("part", "name", "value", "expected"),
    [
        ("baseline", "paper", None, ""),
        ("baseline", "year", "2020", 2020),
        ("baseline", "published", [{"protocol": "p", "at": 5, "accuracy": 1, "differs": ""}], None),
        ("training", "history", [[7.5, 1]], ((7, 1.0),)),
        ("provenance", "threads", "2", 2),
    ],
)
def test_what_describes_a_result_is_read_as_what_it_should_be(
    tmp_path: Path, part: str, name: str, value: object, expected: object
):
    """A card may say anything: no result is lost by it."""
    values = run(tmp_path, shots=[1]).records[0].as_json()
    values[part][name] = value
    record = read_record(json.loads(json.dumps(values)))
    if expected is None:
        (figure,) = record.baseline.published
        assert (figure.at, figure.accuracy) == ("5", 1.0)
    else:
        assert getattr(getattr(record, part), name) == expected


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("baseline", "sha256", 5),
        ("baseline", "transductive", "no"),
        ("training", "seed", True),
        ("dataset", "digest", None),
    ],
)
def test_what_readers_rely_on_must_be_right(tmp_path: Path, part: str, name: str, value: object):
    values = run(tmp_path, shots=[1]).records[0].as_json()
    values[part][name] = value
    with pytest.raises(TypeError, match=f"{part}.{name} is {value!r}, not"):
        read_record(json.loads(json.dumps(values)))
