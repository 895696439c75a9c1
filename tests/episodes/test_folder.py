"""Images in folders of classes: any size and mode, and the one line that a damaged file gets."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.folder import Folder, FolderSettings
from fewshot_bench.plugins.episodes.neu import Neu
from PIL import Image

from fewshot_bench.errors import UserError
from tests.helpers.files import encoded, image_folder


def test_a_damaged_entry_of_a_zip_is_named(tmp_path: Path):
    path = tmp_path / "damaged.zip"
    pixels = np.zeros((200, 200), dtype=np.uint8)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.bmp", encoded(pixels, "BMP"))
    content = bytearray(path.read_bytes())
    content[60:80] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a/1\.bmp"):
        Folder().load(path)


def test_folder_of_equal_grey_images_keeps_their_size(tmp_path: Path):
    data = Folder().load(image_folder(tmp_path / "own", {"b": [20, 20], "a": [20, 20, 20]}))
    assert data.images.shape == (5, 1, 20, 20)
    assert data.class_names == ("a", "b")
    assert data.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.notes == ()


def test_folder_of_mixed_sizes_and_modes(tmp_path: Path):
    place = image_folder(tmp_path / "own", {"a": [20, 30]})
    for seed, mode in enumerate(("RGB", "RGBA", "CMYK", "P", "1", "I;16")):
        pixels = np.random.default_rng(seed).integers(0, 2**16, (24, 40), dtype=np.uint16)
        image = (
            Image.fromarray(pixels)
            if mode == "I;16"
            else Image.fromarray((pixels >> 8).astype(np.uint8)).convert(mode)
        )
        folder = place / mode.replace(";", "")
        folder.mkdir()
        image.save(folder / f"0.{'tif' if mode == 'CMYK' else 'png'}")
    data = Folder().load(place)
    assert data.images.shape[1:] == (3, 24, 24)
    assert data.notes[0] == "3 sizes of image, all resized to 24 x 24 pixels"
    deep = next(i for i, file in enumerate(data.files) if "I16" in file)
    assert 80 < data.images[deep].mean() < 170  # 16-bit values are scaled, not cut off at 255
    assert Folder(FolderSettings(side=16)).load(place).images.shape[2:] == (16, 16)


def test_folder_ignores_what_lies_above_the_classes(tmp_path: Path):
    image_folder(tmp_path / "train", {"a": [8, 8], "b": [8, 8]})
    image_folder(tmp_path / "validation", {"a": [9, 8]}, grey_level=60)
    data = Folder().load(tmp_path)
    assert data.class_names == ("a", "b")
    assert data.class_range("a")[1] == 4


@pytest.mark.parametrize("kind", [Folder, Neu])
def test_an_empty_folder_and_a_missing_path(tmp_path: Path, kind: type):
    with pytest.raises(UserError, match=r"no image in a class folder|not the whole NEU set"):
        kind().load(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        kind().load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="needs its data"):
        kind().load(None)
