"""Images of every mode are decoded or refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fewshot_bench.data import images
from fewshot_bench.data.tree import FileTree
from fewshot_bench.errors import UserError


def save(path: Path, image: Image.Image, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def test_images_of_every_mode_are_read_or_refused(tmp_path: Path):
    ramp = np.linspace(0, 65535, 256).reshape(16, 16)
    save(tmp_path / "c" / "1.png", Image.fromarray(ramp.astype(np.uint16)))
    save(tmp_path / "c" / "2.jpg", Image.fromarray(np.full((16, 16, 4), 90, np.uint8), "CMYK"))
    save(tmp_path / "c" / "3.png", Image.fromarray((ramp / 257).astype(np.uint8)).convert("P"))
    save(tmp_path / "c" / "4.png", Image.fromarray(np.full((16, 16, 4), 9, np.uint8), "RGBA"))
    save(tmp_path / "c" / "5.tif", Image.fromarray(ramp.astype(np.float32)))
    frames = [Image.new("L", (16, 16), shade) for shade in (1, 200)]
    save(tmp_path / "c" / "6.webp", frames[0], save_all=True, append_images=frames[1:])
    with FileTree(tmp_path) as tree:
        sixteen = images.decode_image(tree, "c/1.png")
        assert sixteen.mode == "L"
        assert np.asarray(sixteen).ravel()[[0, -1]].tolist() == [0, 255]
        assert [
            images.decode_image(tree, f"c/{name}").mode for name in ("2.jpg", "3.png", "4.png")
        ] == ["RGB"] * 3
        header = images.image_header(tree, "c/1.png")
        assert header == images.ImageHeader((16, 16), is_grey=True, largest=65535)
        with pytest.raises(UserError, match="pixels have mode F, not 8 or 16 bits"):
            images.decode_image(tree, "c/5.tif")
        with pytest.raises(UserError, match="it has 2 frames; keep the one that is meant"):
            images.decode_image(tree, "c/6.webp")


FORMATS = {"pgm": "PPM", "ppm": "PPM", "gif": "GIF", "webp": "WEBP", "jfif": "JPEG", "jp2": "JPEG2000"}  # fmt: skip


@pytest.mark.parametrize("suffix", FORMATS)
def test_formats_that_pillow_knows_are_read(tmp_path: Path, suffix: str):
    if f".{suffix}" not in images.IMAGE_SUFFIXES:
        pytest.skip(f"Pillow has no library for .{suffix}")
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    save(tmp_path / f"1.{suffix}", Image.fromarray(ramp), format=FORMATS[suffix])
    assert images.is_image(f"1.{suffix.upper()}")
    with FileTree(tmp_path) as tree:
        decoded = np.asarray(images.decode_image(tree, f"1.{suffix}").convert("L")).astype(int)
    assert np.abs(decoded - ramp).mean() < 4


def test_values_of_a_12_bit_pgm_are_scaled_by_the_range_that_it_names(tmp_path: Path):
    values = np.array([0, 1000, 2000, 4095], dtype=">u2")
    (tmp_path / "1.pgm").write_bytes(b"P5\n2 2\n4095\n" + values.tobytes())
    with FileTree(tmp_path) as tree:
        decoded = np.asarray(images.decode_image(tree, "1.pgm")).ravel()
        assert images.image_header(tree, "1.pgm").largest == 65535
    assert np.abs(decoded - values / 4095 * 255).max() <= 1


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_photographs_are_turned_upright(tmp_path: Path, suffix: str):
    lying = np.zeros((10, 20), dtype=np.uint8)
    lying[:, :10] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it clockwise
    save(tmp_path / f"1.{suffix}", Image.fromarray(lying), exif=exif)
    with FileTree(tmp_path) as tree:
        header = images.image_header(tree, f"1.{suffix}")
        upright = np.asarray(images.decode_image(tree, f"1.{suffix}"))
    assert (header.size, header.is_turned) == ((10, 20), True)
    assert upright.shape == (20, 10)
    assert upright[:8].min() > 150
    assert upright[12:].max() < 50


def test_a_damaged_exif_block_is_no_damaged_image(tmp_path: Path):
    damaged = b"Exif\0\0II*\0\xff\xff\xff\xff"
    save(tmp_path / "1.jpg", Image.new("L", (8, 8), 90), exif=damaged)
    with FileTree(tmp_path) as tree:
        assert images.decode_image(tree, "1.jpg").size == (8, 8)
        assert not images.image_header(tree, "1.jpg").is_turned
