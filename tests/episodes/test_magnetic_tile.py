"""Magnetic tiles in their layout: masks give boxes, tiles at several exposures are a group, a part is refused."""

from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.magnetic_tile import (
    CLASSES,
    TEST,
    TRAIN,
    MagneticTile,
    MagneticTileSettings,
)

from fewshot_bench.plugins.episodes import magnetic_tile
from tests.helpers.data_layouts import is_run, mask, needs_data, noise, refused
from tests.helpers.files import archive

SMALL = dict.fromkeys(CLASSES, 8)


@pytest.fixture
def members(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Eight pictures of each class, two of each tile."""
    monkeypatch.setattr(magnetic_tile, "CLASSES", SMALL)
    files = {"README.md": b"about"}
    for label, name in enumerate(SMALL):
        for number in range(8):
            stem = f"repo/MT_{name}/Imgs/exp{number % 2 + 1}_num_{number // 2}"
            files[f"{stem}.jpg"] = noise(10 * label + number, width=20 + number, form="JPEG")
            boxes = [] if name == "Free" else [(0, 0, 10, 8), (12, 10, 16, 14)]
            files[f"{stem}.png"] = mask(*boxes, width=20 + number)
    return files


def test_tiles_with_boxes_and_groups(members: dict[str, bytes], tmp_path: Path):
    data = MagneticTile(MagneticTileSettings(side=32)).load(archive(tmp_path / "t.zip", members))
    assert data.images.shape == (48, 1, 32, 32)
    assert data.class_names == tuple(SMALL)
    boxes_of_class = {name: len(data.boxes[data.class_range(name)[0]]) for name in SMALL}
    assert boxes_of_class == {name: 0 if name == "Free" else 2 for name in SMALL}
    first = data.class_range("Break")[0]
    assert data.boxes[first][0].tolist() == [0, 0, 16, 16]  # 10 x 8 of 20 x 16 pixels
    assert len(np.unique(data.groups)) == 24
    assert any(note.startswith("48 images show 24 tiles") for note in data.notes)
    ungrouped = MagneticTile(MagneticTileSettings(tile_groups=False)).load(tmp_path / "t.zip")
    assert ungrouped.groups is None
    assert ungrouped.images.shape[2] == 224


def test_what_is_no_tile_is_told(members: dict[str, bytes], tmp_path: Path):
    del members["repo/MT_Fray/Imgs/exp1_num_0.png"]
    members["repo/overview.jpg"] = noise(999, form="JPEG")
    notes = MagneticTile().load(archive(tmp_path / "t.zip", members)).notes
    assert "1 images have no mask, and so no boxes" in notes
    assert "1 images belong to no tile of a class and were left out" in notes


def test_a_part_is_refused(members: dict[str, bytes], tmp_path: Path):
    del members["repo/MT_Fray/Imgs/exp1_num_0.jpg"]
    refused(
        MagneticTile(), tmp_path, members, r"magnetic tile set: Fray has 7 images \(expected 8\)"
    )
    needs_data(MagneticTile(), "magnetic-tile")


def test_it_is_recognised_and_run(members: dict[str, bytes], tmp_path: Path, bench):
    assert MagneticTile.recognises(list(members))
    assert not MagneticTile.recognises([file for file in members if "Fray" not in file])
    path = archive(tmp_path / "t.zip", members)
    shown = is_run(
        bench, "magnetic-tile", path, tmp_path / "out", "--shots", "1", "--episodes", "50"
    )
    assert "groups: 24 by class and number of the tile" in shown


def test_its_protocols_name_its_classes():
    assert sorted((*TRAIN, *TEST)) == sorted(CLASSES)
    assert sum(CLASSES.values()) == 1344
