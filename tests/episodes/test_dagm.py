"""DAGM 2007 in its layout: tables tell the defects, the texture is the class, clean images on demand."""

from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.dagm import TEST, TEXTURES, TRAIN, Dagm, DagmSettings

from fewshot_bench.errors import UserError
from fewshot_bench.plugins.episodes import dagm
from tests.helpers.data_layouts import is_run, mask, needs_data, noise, refused
from tests.helpers.files import archive


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Of twelve pictures of each texture, six are defective; the table names them in another case."""
    monkeypatch.setattr(dagm, "TEXTURES", dict.fromkeys(TEXTURES, (12, 6)))
    files = {}
    for label, name in enumerate(TEXTURES):
        for part, numbers in (("Train", range(1, 7)), ("Test", range(7, 13))):
            lines = ["1"]
            for number in numbers:
                files[f"{name}/{part}/{number:04d}.PNG"] = noise(100 * label + number, 16)
                line = f"{number}\t0\t{number:04d}.PNG\t0\t0"
                if number % 2:
                    files[f"{name}/{part}/Label/{number:04d}_label.PNG"] = mask(
                        (2, 4, 6, 12), width=16
                    )
                    line = f"{number}\t1\t{number:04d}.png\t0\t{number:04d}_label.PNG"
                lines.append(line)
            files[f"{name}/{part}/Label/Labels.txt"] = "\r\n".join(lines).encode()
    return files


def test_defects_of_each_texture(members: dict[str, bytes], tmp_path: Path):
    path = archive(tmp_path / "d.zip", members)
    data = Dagm(DagmSettings(side=32)).load(path)
    assert data.class_names == tuple(TEXTURES)
    assert data.images.shape == (60, 1, 32, 32)
    assert data.files[:2] == ("Class1/Test/0007.PNG", "Class1/Test/0009.PNG")
    assert {tuple(map(tuple, boxes)) for boxes in data.boxes} == {((4, 8, 12, 24),)}
    assert data.notes[0].startswith(
        "60 images without a defect are left out; --set dagm.clean=true"
    )
    every = Dagm(DagmSettings(clean=True)).load(path)
    assert every.class_names[10:] == tuple(f"{name} clean" for name in TEXTURES)
    assert len(every) == 120


def test_clean_images_have_a_protocol_with_both():
    heldout, _ = Dagm(DagmSettings(clean=True)).versioned_protocols()
    assert heldout.ways == len(heldout.test_classes) == 8
    assert set(heldout.test_classes) == {*TEST, *(f"{name} clean" for name in TEST)}
    assert Dagm().versioned_protocols() == Dagm.protocols
    assert sorted((*TRAIN, *TEST)) == sorted(TEXTURES)
    assert sum(images for images, _ in TEXTURES.values()) == 16_100


def test_a_part_is_refused(members: dict[str, bytes], tmp_path: Path):
    without_mask = dict(members)
    del without_mask["Class2/Train/Label/0003_label.PNG"]
    refused(Dagm(), tmp_path, without_mask, "DAGM 2007 set: Class2/Train/0003.PNG has no mask")
    del members["Class3/Test/0007.PNG"]
    message = (
        r"Class3 has 11 images \(expected 12\), Class3 with a defect has 5 images \(expected 6\)"
    )
    refused(Dagm(), tmp_path, members, message)
    needs_data(Dagm(), "dagm")
    with pytest.raises(UserError, match="fit=tilt"):
        DagmSettings(fit="tilt")


def test_it_is_recognised_and_run(members: dict[str, bytes], tmp_path: Path, bench):
    assert Dagm.recognises(list(members))
    assert not Dagm.recognises([file for file in members if "Class7" not in file])
    path = archive(tmp_path / "d.zip", members)
    words = ("--shots", "1", "--queries", "2", "--episodes", "50")
    is_run(bench, "dagm", path, tmp_path / "out", *words)
