"""X-SDD from a folder and a zip of its layout, and the one line that a part of it gets."""

import io
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.xsdd import ABBREVIATIONS, CLASSES, SYSTEMS, TEST, TRAIN, Xsdd
from PIL import Image

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.request import Request
from tests.helpers.files import archive, picture


@pytest.fixture(scope="module")
def members() -> dict[str, bytes]:
    """Pictures in the layout of X-SDD, of three equal channels; one is 130 pixels wide."""
    files = {"LICENSE": b"Apache", "X-SDD/readme.txt": b"about"}
    seed = 0
    for number, (name, count) in enumerate(CLASSES.items()):
        for image in range(count):
            seed += 1
            side = 130 if image == 5 and name == "red iron" else 128
            files[f"X-SDD/datas/{name}/{number}{image:03d}.png"] = _striped(seed, side)
    return files


def _striped(seed: int, side: int) -> bytes:
    """A picture of few bytes, different for each seed."""
    pixels = np.zeros((128, side, 3), dtype=np.uint8)
    pixels[: seed % 120 + 1] = 90
    pixels[:, : seed // 120 + 1] = 200
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_the_whole_set_is_read(members: dict[str, bytes], tmp_path: Path):
    data = Xsdd().load(archive(tmp_path / "x.zip", members))
    assert data.images.shape == (1360, 1, 128, 128)
    assert {name: data.class_range(name)[1] for name in CLASSES} == CLASSES
    assert data.resolve(list(ABBREVIATIONS)) == tuple(CLASSES)
    assert data.notes == ("1 images of another size were resized to 128 x 128 pixels",)
    found = api.data(Request(data=tmp_path / "x.zip"))
    assert found.name == "xsdd"
    assert found.digest == data.digest


def test_other_pictures_are_told_and_a_part_is_refused(members: dict[str, bytes], tmp_path: Path):
    more = members | {"X-SDD/datas/good/1.png": picture(1, 128)}
    data = Xsdd().load(archive(tmp_path / "more.zip", more))
    assert "1 images belong to none of X-SDD's classes and were left out" in data.notes
    fewer = dict(members)
    del fewer["X-SDD/datas/red iron/4001.png"]
    with pytest.raises(UserError, match=r"red iron has 396 images \(expected 397\)"):
        Xsdd().load(archive(tmp_path / "fewer.zip", fewer))
    with pytest.raises(UserError, match="xsdd needs its data"):
        Xsdd().load(None)


def test_its_protocols_name_its_classes():
    assert sorted((*TRAIN, *TEST)) == sorted(CLASSES)
    heldout, classify = Xsdd.protocols
    assert (heldout.train_classes, heldout.test_classes) == (TRAIN, TEST)
    assert classify.train_sizes == (0.7,)
    assert set(Xsdd.card.published) == set(SYSTEMS)


def test_the_real_set(shared_data: Path):
    data = Xsdd().load(shared_data / "X-SDD.zip")
    assert len(data) == 1351
    assert len(data.dropped) == 9
    assert data.notes == ("2 images of another size were resized to 128 x 128 pixels",)


def test_own_pictures_with_some_of_its_names_are_not_taken_for_it(members: dict[str, bytes]):
    files = list(members)
    assert Xsdd.recognises(files)
    assert not Xsdd.recognises([file for file in files if "red iron" not in file])
    few = [file for name in CLASSES for file in files if f"/{name}/" in file and "00" in file]
    assert not Xsdd.recognises(few)
