"""KolektorSDD2 in its layout: the mask of an image says whether it is defective."""

from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.kolektor import Kolektor

from fewshot_bench.planning.resolve import resolve_data
from fewshot_bench.plugins.episodes import kolektor
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request
from tests.helpers.data_layouts import is_run, mask, needs_data, noise, refused
from tests.helpers.files import archive


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Of 40 images, every fourth is defective."""
    monkeypatch.setattr(kolektor, "CLASSES", {"clean": 30, "defective": 10})
    files = {}
    for number in range(40):
        stem = f"{'train' if number < 30 else 'test'}/{10000 + number}"
        files[f"{stem}.png"] = noise(number)
        files[f"{stem}_GT.png"] = mask((4, 4, 8, 12)) if number % 4 == 0 else mask()
    return files


def test_masks_tell_the_classes(members: dict[str, bytes], tmp_path: Path):
    members["readme.png"] = noise(999)
    data = Kolektor().load(archive(tmp_path / "k.zip", members))
    assert data.images.shape == (40, 1, 224, 224)
    assert data.class_range("defective") == (30, 10)
    assert data.files[30] == "test/10032.png"
    assert [len(boxes) for boxes in data.boxes] == [0] * 30 + [1] * 10
    assert data.boxes[30].tolist() == [[37, 56, 75, 168]]
    assert "1 images are no pictures or masks in train or test and were left out" in data.notes


def test_a_part_is_refused(members: dict[str, bytes], tmp_path: Path):
    without_mask = dict(members)
    del without_mask["train/10001_GT.png"]
    refused(Kolektor(), tmp_path, without_mask, "KolektorSDD2 set: there is no train/10001_GT.png")
    del members["test/10032.png"], members["test/10032_GT.png"]
    refused(Kolektor(), tmp_path, members, r"defective has 9 images \(expected 10\)")
    needs_data(Kolektor(), "kolektor")


def test_it_is_recognised_and_run(members: dict[str, bytes], tmp_path: Path, bench):
    path = archive(tmp_path / "k.zip", members)
    assert resolve_data(Request(data=path), Registry()).data.name == "kolektor"
    assert not Kolektor.recognises([file for file in members if "_GT" not in file])
    words = ("--protocol", "kolektor-small", "--train-per-class", "5", "--runs", "2")
    is_run(bench, "kolektor", path, tmp_path / "out", *words)


def test_two_classes_are_no_few_shot_task(members: dict[str, bytes], tmp_path: Path, bench):
    path = archive(tmp_path / "k.zip", members)
    start = ("run", "--dataset", "kolektor", "--data", path, "--baselines", "pixels")
    words = (*start, "--out", tmp_path / "out")
    status, _, error = bench(*words, "--test-classes", "clean,defective", "--ways", "2")
    assert status == 2
    assert "--train-per-class 5" in error
    status, _, error = bench(*words, "--runs", "2", "--protocol", "kolektor-classify")
    assert status == 0, error
