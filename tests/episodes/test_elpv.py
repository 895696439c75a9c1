"""ELPV from its package and from a small one of its layout; the whole set is read where the package is installed."""

from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.elpv import CLASSES, TEST, TRAIN, Elpv

from fewshot_bench.plugins.episodes import elpv
from tests.helpers.data_layouts import is_run, needs_data, noise, refused
from tests.helpers.files import archive

SMALL = dict.fromkeys(CLASSES, 6)
VALUES = {"0": "0.0", "0.33": "0.3333333333333333", "0.67": "0.6666666666666666", "1": "1.0"}


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    monkeypatch.setattr(elpv, "CLASSES", SMALL)
    monkeypatch.setattr(elpv, "_package_data", lambda: None)
    files = {}
    lines = []
    for label, name in enumerate(SMALL):
        cell_type, probability = name.split()
        for number in range(6):
            image = f"images/cell{10 * label + number:04d}.png"
            files[f"src/data/{image}"] = noise(10 * label + number, 16)
            lines.append(f"{image}  {VALUES[probability]}    {cell_type}")
    files["src/data/labels.csv"] = "\n".join([*lines, ""]).encode()
    return files


def test_classes_are_cell_type_and_probability(members: dict[str, bytes], tmp_path: Path):
    members["src/data/images/other.png"] = noise(999, 16)
    data = Elpv().load(archive(tmp_path / "e.zip", members))
    assert data.images.shape == (48, 1, 16, 16)
    assert {name: data.class_range(name)[1] for name in CLASSES} == SMALL
    assert data.files[data.class_range("poly 0.67")[0]] == "src/data/images/cell0060.png"
    assert "1 images have no row in labels.csv and were left out" in data.notes


def test_a_part_is_refused(members: dict[str, bytes], tmp_path: Path):
    table = members["src/data/labels.csv"]
    del members["src/data/images/cell0000.png"]
    refused(Elpv(), tmp_path, members, r"mono 0 has 5 images \(expected 6\)")
    members["src/data/labels.csv"] = table.replace(b"1.0", b"0.5")
    refused(Elpv(), tmp_path, members, "line 19 of labels.csv is .*0.5 mono")
    members["src/data/labels.csv"] = b"\xff\xfe" + table
    refused(Elpv(), tmp_path, members, "line 1 of labels.csv is|mono 0 has 5 images")
    del members["src/data/labels.csv"]
    refused(Elpv(), tmp_path, members, r"it has 0 files labels.csv \(expected 1\)")
    needs_data(Elpv(), "elpv")


def test_it_is_recognised_and_run(members: dict[str, bytes], tmp_path: Path, bench):
    assert Elpv.recognises(list(members))
    assert not Elpv.recognises([file for file in members if not file.endswith("labels.csv")])
    path = archive(tmp_path / "e.zip", members)
    words = ("--shots", "1", "--queries", "2", "--episodes", "50")
    assert "mono 0.33" in is_run(bench, "elpv", path, tmp_path / "out", *words)


def test_its_protocols_name_its_classes():
    assert sorted((*TRAIN, *TEST)) == sorted(CLASSES)
    assert len(TEST) == Elpv.protocols[0].ways


@pytest.fixture(scope="module")
def package() -> None:
    pytest.importorskip("elpv_dataset", reason="the extra elpv is not installed")


@pytest.mark.slow
def test_the_real_set(package: None):
    data = Elpv().load(None)
    assert data.images.shape == (2624, 1, 300, 300)
    assert {name: data.class_range(name)[1] for name in CLASSES} == CLASSES
    assert data.digest.startswith("a4235a7fa09053ac")


@pytest.mark.slow
def test_real_cells_are_classified(package: None, tmp_path: Path, bench):
    words = ("--dataset", "elpv", "--baselines", "pixels", "--shots", "5", "--episodes", "50")
    status, out, error = bench("run", *words, "--near-duplicates", "keep", "--out", tmp_path)
    assert status == 0, error
    assert "elpv-heldout" in out
