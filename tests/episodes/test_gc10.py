"""GC10-DET in its layout: boxes of the image's own class, images in two folders, copies of any size near 2,300."""

from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.gc10 import CLASSES, TEST, TRAIN, Gc10

from fewshot_bench.plugins.episodes import gc10
from tests.helpers.data_layouts import is_run, needs_data, noise, refused
from tests.helpers.files import archive

OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>{}</xmax><ymax>10</ymax></bndbox></object>"


def annotation(*objects: tuple[str, int, int]) -> bytes:
    """name, xmin and xmax of each object"""
    texts = [OBJECT.format(*values) for values in objects]
    return f"<annotation>{''.join(texts)}</annotation>".encode()


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Eight pictures of each class. One is in folders 1 and 2, and its annotation has objects of both."""
    monkeypatch.setattr(gc10, "IMAGES", range(70, 91))
    monkeypatch.setattr(gc10, "OF_A_CLASS", range(5, 20))
    monkeypatch.setattr(gc10, "LEAST_RECOGNISED", 50)
    files = {}
    for folder in CLASSES:
        for number in range(8):
            stem = f"img_{folder}_{number}"
            files[f"GC10/{folder}/{stem}.jpg"] = noise(100 * int(folder) + number, 32, 16, "JPEG")
            other = "4_shuiban" if folder != "4" else "5_youban"
            files[f"GC10/lable/{stem}.xml"] = annotation((f"{folder}_name", 8, 16), (other, 20, 30))
    files["GC10/2/img_1_0.jpg"] = files["GC10/1/img_1_0.jpg"]
    return files


def test_images_have_the_boxes_of_their_class(members: dict[str, bytes], tmp_path: Path):
    members["GC10/1/img_1_9.jpg"] = noise(998, 32, 16, "JPEG")
    members["GC10/overview.jpg"] = noise(999, 32, 16, "JPEG")
    data = Gc10().load(archive(tmp_path / "g.zip", members))
    assert data.class_names == tuple(CLASSES.values())
    assert len(data) == 80  # without both of the image in two folders, with the new one
    assert data.contradictions[0][0] == ("GC10/1/img_1_0.jpg", "punching_hole")
    first = data.class_range("welding_line")[0]
    assert data.boxes[first].tolist() == [[56, 28, 112, 140]]  # 32 x 16 pixels became 224 x 224
    assert any(note.startswith("1 names of images are in several folders") for note in data.notes)
    assert any(note.startswith("82 boxes show another class") for note in data.notes)
    assert any(note.startswith("1 images have no annotation") for note in data.notes)
    assert "1 images are in none of the folders 1 to 10 and were left out" in data.notes


def test_a_part_is_refused(members: dict[str, bytes], tmp_path: Path):
    few = {file: content for file, content in members.items() if "GC10/8/" not in file}
    refused(Gc10(), tmp_path, few, r"rolled_pit has 0 images \(expected 5 to 19\)")
    fewer = {
        file: content for file, content in members.items() if not file.endswith(("6.jpg", "7.jpg"))
    }
    refused(Gc10(), tmp_path, fewer, r"it has 61 images \(expected 70 to 90\)")
    needs_data(Gc10(), "gc10")


def test_it_is_recognised_and_run(members: dict[str, bytes], tmp_path: Path, bench):
    assert Gc10.recognises(list(members))
    assert not Gc10.recognises([file for file in members if "lable" not in file])
    path = archive(tmp_path / "g.zip", members)
    words = ("--shots", "1", "--queries", "2", "--episodes", "50")
    is_run(bench, "gc10", path, tmp_path / "out", *words)
    status, out, error = bench("data", path, "--dataset", "gc10", "--crop-boxes", "0.1")
    assert status == 0, error
    assert "gc10-crops" in out


def test_its_protocols_name_its_classes():
    assert sorted((*TRAIN, *TEST)) == sorted(CLASSES.values())
