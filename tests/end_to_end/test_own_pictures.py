"""Pictures in layouts of public sets, from the command line: what is read, told and recorded."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.command_line import SHORT
from tests.helpers.documents import DOCS, blocks
from tests.helpers.files import picture

pytestmark = pytest.mark.usefixtures("empty_cache")
DATA_SET = DOCS / "extend" / "data-set.md"


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """Magnetic tiles: JPEG pictures and, beside each, a mask."""
    folder = tmp_path / "tiles"
    seed = 0
    for name in ("Break", "Crack", "Fray"):
        place = folder / f"MT_{name}" / "Imgs"
        place.mkdir(parents=True)
        for number in range(4):
            seed += 1
            (place / f"{number}.jpg").write_bytes(picture(seed, 48, "JPEG"))
            mask = np.zeros((48, 48), dtype=np.uint8)
            mask[seed : seed + 5, 5:9] = 255
            Image.fromarray(mask).save(place / f"{number}.png")
    return folder


def test_what_is_left_out_is_told_and_recorded(bench, tiles: Path, tmp_path: Path):
    words = ("--data", tiles, "--test-classes", "MT_Break,MT_Crack", "--ways", "2", *SHORT)
    status, out, err = bench("run", *words, "--out", tmp_path / "out")
    assert status == 0, err
    text = " ".join(out.split())
    assert "12 masks or annotations beside the pictures left out" in text
    assert "the data is read as folder, by its files" in text
    (record,) = (tmp_path / "out").glob("records/**/*.json")
    notes = json.loads(record.read_text())["dataset"]["notes"]
    assert notes[0].startswith("12 masks")
    assert str(tmp_path) not in record.read_text()


def test_masks_are_pictures_if_that_is_asked(bench, tiles: Path):
    status, out, err = bench("data", tiles, "--keep-masks")
    assert status == 0, err
    assert out.startswith("folder: 24 images")


def documented(name: str, place: Path) -> Path:
    """The file of that name in `place`, with the block of the document that starts with it."""
    (block,) = (block for block in blocks(DATA_SET, "python") if f'dataset="{name}"' in block)
    file = place / f"{name.replace('-', '_')}.py"
    file.write_text(block)
    return file


def test_the_data_sets_of_the_document_keep_the_contract(
    bench, tiles: Path, shared_data: Path, tmp_path: Path
):
    small = documented("tiles", tmp_path)
    # four tiles of a class are too few for fifteen queries
    small.write_text(small.read_text().replace("ways=2)", "ways=2, shots=(1,), queries=3)"))
    status, out, err = bench("check", small, "--data", tiles)
    assert status == 0, out + err
    assert "tiles: 1 not checked, 11 checks passed" in out
    own = documented("x-sdd", tmp_path)
    status, out, err = bench("check", own, "--data", shared_data / "X-SDD.zip")
    assert status == 0, out + err
    words = ("--plugin", own, "--data", shared_data / "X-SDD.zip", "--protocol", "x-sdd-scale")
    status, out, err = bench("run", *words, *SHORT, "--out", tmp_path / "out")
    assert status == 0, err
    assert "x-sdd, x-sdd-scale: 3-way" in out


def test_the_data_set_of_the_document_runs_as_shown(bench, tiles: Path, tmp_path: Path):
    plugin = documented("tiles", tmp_path)
    words = ("--plugin", plugin, "--data", tiles, "--protocol", "tiles-cracks", "--fit", "crop")
    status, out, err = bench("run", *words, *SHORT, "--out", tmp_path / "out")
    assert status == 0, err
    assert "12 masks or annotations" in out
    assert list((tmp_path / "out").glob("records/**/*.json"))
