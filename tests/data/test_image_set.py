"""Image files as squares of one size, with every change told and every damaged one named."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.folder import Folder
from PIL import Image

from fewshot_bench import FileTree, ImageSet, UserError, decode_image, read_images
from fewshot_bench.data.archives import FolderSource
from tests.helpers.files import picture


def read(root: Path, files: Sequence[str], **options: object) -> ImageSet:
    with FileTree(root) as tree:
        return read_images(tree, files, **options)


def save(root: Path, name: str, pixels: np.ndarray, **options: object) -> str:
    Image.fromarray(pixels).save(root / name, **options)
    return name


@pytest.mark.parametrize(
    ("bits", "read_as"), [(8, 8), (9, 10), (10, 10), (12, 12), (14, 14), (16, 16)]
)
def test_sixteen_bit_files_are_read_by_the_range_of_the_set(
    tmp_path: Path, bits: int, read_as: int
):
    ramp = np.linspace(0, 2**bits - 1, 256).reshape(16, 16).astype(np.uint16)
    files = [save(tmp_path, "0.png", ramp), save(tmp_path, "1.tif", ramp // 2)]
    result = read(tmp_path, files)
    first, second = result.images[:, 0]
    assert len(np.unique(first)) == min(256, 2 ** (bits - read_as + 8))
    assert np.abs(second - first / 2).max() <= 1  # one divisor for all
    assert result.notes == (
        f"2 images have 16 bits, with values of at most {2**bits - 1:,}; they are read as {read_as} "
        f"bits and divided by {2 ** (read_as - 8)}",
    )


def test_sixteen_bit_colours_are_told(tmp_path: Path):

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0))
    rows = (b"\0" + bytes(range(48))) * 8
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body)
    assert read(tmp_path, ["0.png"]).notes == (
        "1 image has 16 bits in each colour, of which the upper 8 are read",
    )


SHAPES = {"squash": (16, 16), "pad": (8, 16), "crop": (16, 16)}  # rows and columns that are bright


@pytest.mark.parametrize("fit", SHAPES)
def test_images_are_squashed_padded_or_cropped(tmp_path: Path, fit: str):
    wide = np.full((20, 40), 200, dtype=np.uint8)
    wide[:, :10] = 90  # which a crop cuts away
    files = [save(tmp_path, "0.png", wide)]
    result = read(tmp_path, files, side=16, fit=fit)
    image = result.images[0, 0]
    assert ((image > 50).any(1).sum(), (image > 50).any(0).sum()) == SHAPES[fit]
    assert (image == 90).any() == (fit != "crop")
    assert result.notes[0] == "1 size of image, all resized to 16 x 16 pixels"
    assert result.notes[1].startswith("1 image is longer on one side by more than a tenth, and ")


def test_nearly_square_images_need_no_note_of_their_shape(tmp_path: Path):
    files = [save(tmp_path, "0.png", np.zeros((20, 22), dtype=np.uint8))]
    assert read(tmp_path, files).notes == ("1 size of image, all resized to 20 x 20 pixels",)
    with pytest.raises(UserError, match="unknown fit 'stretch'"):
        read(tmp_path, files, fit="stretch")


def test_turned_and_transparent_images_are_told(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 4), dtype=np.uint8)
    clear = save(tmp_path, "0.png", pixels)
    opaque = pixels.copy()
    opaque[..., 3] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [clear, save(tmp_path, "1.png", opaque), save(tmp_path, "2.png", opaque, exif=exif)]
    result = read(tmp_path, files)
    assert result.notes == (
        "1 image is turned or mirrored as the EXIF orientation says",
        "1 image is transparent in places, and laid over black there",
    )
    over_black = pixels[..., :3] * (pixels[..., 3:] / 255)
    assert np.abs(result.images[0].transpose(1, 2, 0) - over_black).max() <= 1.5
    assert np.array_equal(result.images[1].transpose(1, 2, 0), opaque[..., :3])


def test_all_damaged_images_are_named_at_once(tmp_path: Path):
    files = []
    for number in range(8):
        name = f"{number}.png"
        content = picture(number)
        (tmp_path / name).write_bytes(content[:80] if number % 2 else content)
        files.append(name)
    with pytest.raises(UserError) as error:
        read(tmp_path, files)
    assert "1.png is not a whole image" in str(error.value)
    assert "3 more images cannot be read: 3.png, 5.png, 7.png" in str(error.value)
    (tmp_path / "2.png").write_bytes(b"no image at all")  # whose header is damaged too
    with pytest.raises(
        UserError, match=r"2\.png is not .*no known format.* 4 more .*: 1\.png, 3\.png, 5\.png"
    ):
        read(tmp_path, files)


def odd_ones() -> dict[str, dict[int, np.ndarray]]:
    """What most of 40 grey pictures of 12 x 12 pixels do not show, at positions that no guess uses."""
    generator = np.random.default_rng(1)
    colour = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return {
        "none": {},
        "colour": {39: colour},
        "size": {39: generator.integers(0, 256, (20, 14), dtype=np.uint8)},
        "16 bits": {39: generator.integers(0, 4096, (12, 12)).astype(np.uint16)},
        "all at once": {
            37: colour,
            38: generator.integers(0, 256, (20, 14, 3), dtype=np.uint8),
            39: generator.integers(0, 4096, (12, 12)).astype(np.uint16),
        },
    }


@pytest.mark.parametrize("side", [0, 10])
@pytest.mark.parametrize("odd", odd_ones())
def test_pixels_do_not_depend_on_what_was_guessed(tmp_path: Path, odd: str, side: int):
    generator = np.random.default_rng(0)
    files = []
    for number in range(40):
        usual = generator.integers(0, 256, (12, 12), dtype=np.uint8)
        pixels = odd_ones()[odd].get(number, usual)
        files.append(save(tmp_path, f"{number}.png", pixels))
    result = read(tmp_path, files, side=side)
    mode = "RGB" if odd in ("colour", "all at once") else "L"
    bits = 12 if odd in ("16 bits", "all at once") else 8
    size = (side or 12, side or 12)
    with FileTree(tmp_path) as tree:
        for file, pixels, size_before in zip(files, result.images, result.sizes, strict=True):
            image = decode_image(tree, file, bits=bits)
            assert image.size == size_before
            image = image.convert(mode)
            if image.size != size:
                image = image.resize(size, Image.Resampling.BILINEAR)
            values = np.asarray(image).reshape(*size, -1).transpose(2, 0, 1)
            assert np.array_equal(values, pixels)


def test_a_new_file_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
):
    own = tmp_path / "own"
    for class_name in ("a", "b"):
        (own / class_name).mkdir(parents=True)
        for number in range(20):
            content = picture(number + 100 * ord(class_name))
            (own / class_name / f"{number}.png").write_bytes(content)
    opened = FolderSource.open
    positions = []

    def count(source: FolderSource, position: int) -> object:
        positions.append(position)
        return opened(source, position)

    monkeypatch.setattr(FolderSource, "open", count)
    for _ in range(2):  # the second time to see that nothing changed
        positions.clear()
        Folder().load(own)
        assert sorted(positions) == list(range(40))
