"""What the trainings of a folder are computed with is written once, and read by all others."""

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from fewshot_bench.errors import UserError
from fewshot_bench.records.computing import Computing, read_computing, settle

BF16 = Computing("cpu", bf16=True, threads=2)
GPU = Computing("cuda", bf16=True, threads=None)


def test_the_first_one_settles_and_the_others_read(tmp_path: Path):
    path = tmp_path / "computing.json"
    assert read_computing(path) is None
    assert settle(path, BF16) == BF16
    assert settle(path, GPU) == BF16
    assert read_computing(path) == BF16
    assert [file.name for file in tmp_path.iterdir()] == ["computing.json"]
    assert str(BF16) == "cpu, bf16, 2 threads"
    assert str(GPU) == "cuda, bf16"


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_of_many_at_once_one_settles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
):
    if not links:

        def refuse(*paths: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "computing.json"
    start = threading.Barrier(8)
    settled = []

    def first(threads: int) -> None:
        start.wait()
        settled.append(settle(path, Computing("cpu", bf16=False, threads=threads)))

    racers = [threading.Thread(target=first, args=(number + 1,)) for number in range(8)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert len(settled) == 8
    assert set(settled) == {read_computing(path)}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{half",
        "[]",
        "{}",
        json.dumps({"device": "tpu", "bf16": True, "threads": 1}),
        json.dumps({"device": "cpu", "bf16": 1, "threads": 1}),
        json.dumps({"device": "cpu", "bf16": True, "threads": 0}),
        json.dumps({"device": "cpu", "bf16": True, "threads": True}),
        json.dumps({"device": "cpu", "bf16": True, "threads": None}),
        json.dumps({"device": "cpu", "bf16": True, "threads": 100_000}),
        json.dumps({"device": "cuda", "bf16": True, "threads": 5}),
        json.dumps({"device": "cpu", "bf16": True, "threads": 1, "more": 1}),
    ],
)
def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path, content: str):
    path = tmp_path / "computing.json"
    path.write_text(content)
    with pytest.raises(UserError, match="remove it") as error:
        read_computing(path)
    assert str(path) in str(error.value)
