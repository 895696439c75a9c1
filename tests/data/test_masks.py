"""Masks are told from pictures by their names and, where these leave a doubt, by their values."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewshot_bench import FileTree, without_masks
from fewshot_bench.data.masks import words_of_name


def noise(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).normal(128, 30, (24, 24)).clip(0, 255)
    Image.fromarray(pixels.astype(np.uint8)).resize((48, 48)).save(path)


def mask(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((48, 48), dtype=np.uint8)
    pixels[10:20, 10:30] = 255
    Image.fromarray(pixels).save(path)


def kept(root: Path, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(pictures, notes) of these files."""
    with FileTree(root) as tree:
        pictures = without_masks(tree, names)
    return pictures.files, pictures.notes


# picture -> mask beside it
LAYOUTS = {
    "MVTec AD": ("bottle/test/bent/000.png", "bottle/ground_truth/bent/000_mask.png"),
    "ground truth under the names of the pictures": ("test/bent/0.png", "Ground Truth/bent/0.png"),
    "VisA": ("candle/Data/Images/Anomaly/0.JPG", "candle/Data/Masks/Anomaly/0.png"),
    "KolektorSDD2": ("train/10301.png", "train/10301_GT.png"),
    "KolektorSDD": ("kos01/Part5.jpg", "kos01/Part5_label.bmp"),
    "DAGM": ("Class1/Train/0576.PNG", "Class1/Train/Label/0576_label.PNG"),
    "magnetic tiles": ("MT_Break/Imgs/exp1_num_7.jpg", "MT_Break/Imgs/exp1_num_7.png"),
    "a bitmap and a PNG": ("crack/7.bmp", "crack/7.png"),
    "a PNG and a bitmap": ("crack/7.png", "crack/7.bmp"),
    "named after pictures elsewhere": ("in/crack/7.png", "out/crack/7_mask.png"),
    "masks as JPEG": ("crack/7.png", "masks/crack/7.jpg"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_masks_of_public_sets_are_left_out(tmp_path: Path, layout: str):
    picture, beside = LAYOUTS[layout]
    noise(tmp_path / picture)
    mask(tmp_path / beside)
    files, notes = kept(tmp_path, [picture, beside])
    assert files == [picture]
    assert notes == [f"1 mask or annotation beside the pictures left out: {beside}"]


@pytest.mark.parametrize(
    "names",
    [
        ["with_mask/0.png", "mask/0.png"],
        ["label/0.png", "no_label/0.png"],
        ["dent/0.jpg", "dent/0.png"],
        ["dent/0.jpg", "dent/0.jpeg"],
        ["dent/my_mask.png", "dent/1.png"],
        ["dent/7.png", "rust/7_mask.png"],
    ],
)
def test_pictures_with_such_names_stay(tmp_path: Path, names: list[str]):
    for seed, name in enumerate(names):
        noise(tmp_path / name, seed)
    assert kept(tmp_path, names) == (names, [])


def test_masks_with_soft_edges_are_masks(tmp_path: Path):
    noise(tmp_path / "dent/0.jpg")
    mask(tmp_path / "dent/0.png")
    with Image.open(tmp_path / "dent/0.png") as sharp:
        sharp.resize((200, 200), Image.Resampling.BICUBIC).save(tmp_path / "dent/0.png")
    assert kept(tmp_path, ["dent/0.jpg", "dent/0.png"])[0] == ["dent/0.jpg"]


def test_the_same_picture_in_two_formats_is_read_once(tmp_path: Path):
    noise(tmp_path / "dent/0.jpg")
    noise(tmp_path / "dent/0.png")
    files, (note,) = kept(tmp_path, ["dent/0.jpg", "dent/0.png"])
    assert files == ["dent/0.jpg"]
    assert (
        "1 file is left out, as the same picture lies beside in another format: dent/0.png" in note
    )


def test_a_damaged_file_is_no_mask(tmp_path: Path):
    """It is read with the pictures, where it is told."""
    noise(tmp_path / "dent/0.jpg")
    (tmp_path / "dent/0.png").write_bytes(b"damaged")
    assert kept(tmp_path, ["dent/0.jpg", "dent/0.png"])[0] == ["dent/0.jpg", "dent/0.png"]


def test_words_of_names():
    assert words_of_name("TrainImages") == ["train", "images"]
    assert words_of_name("JPEGImages_2017") == ["jpeg", "images"]
    assert words_of_name("划痕") == []
