"""Data sets from every layout they come in, and the one line that a damaged one gets."""

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.folder import Folder, FolderSettings
from fewshot_bench.plugins.episodes.neu import CLASSES, Neu
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings
from PIL import Image

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError

LONG = dict(
    zip(
        CLASSES,
        ["crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"],
        strict=True,
    )
)
BOX = "<annotation><object><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>"


def encoded(pixels: np.ndarray, form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **({"quality": 95} if form == "JPEG" else {}))
    return file.getvalue()


def picture(name: str, number: int, side: int = 200) -> np.ndarray:
    """A different picture for every class and number, cheap to compress."""
    pixels = np.full((side, side), 10 * list(CLASSES).index(name), dtype=np.uint8)
    pixels[:8, : number % 200 + 1] = 200
    pixels[8:16, : number // 200 + 1] = 255
    return pixels


LAYOUTS: dict[str, Callable[[str, int], str]] = {
    "flat": lambda name, i: f"NEU surface defect database/{CLASSES[name]}_{i}.bmp",
    "det": lambda name, i: f"NEU-DET/IMAGES/{LONG[name]}_{i}.jpg",
    "folders": lambda name, i: f"{name.replace('_', ' ')}/{i}.png",
    "split": lambda name, i: (
        f"NEU/{'train' if i > 30 else 'validation'}/images/{LONG[name]}/{LONG[name]}_{i}.png"
    ),
}


def files(layout: str) -> Iterator[tuple[str, bytes]]:
    forms = {"bmp": "BMP", "jpg": "JPEG", "png": "PNG"}
    for name in CLASSES:
        for i in range(1, 301):
            file = LAYOUTS[layout](name, i)
            pixels = picture(name, 101 if (name, i) == ("Patches", 105) else i)
            pixels = np.repeat(pixels[..., None], 3, axis=2) if layout == "det" else pixels
            yield file, encoded(pixels, forms[file[-3:]])
            if layout == "det":
                yield f"NEU-DET/ANNOTATIONS/{LONG[name]}_{i}.xml", BOX.format(i % 7).encode()
    yield "__MACOSX/._Cr_1.bmp", b"not an image"
    yield "Thumbs.db", b"nor this"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("neu")
    paths = {layout: place / f"{layout}.zip" for layout in LAYOUTS}
    for layout, path in paths.items():
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files(layout):
                archive.writestr(file, content)
    return paths


@pytest.mark.parametrize("layout", LAYOUTS)
def test_neu_from_each_layout(archives: dict[str, Path], layout: str):
    data = Neu().load(archives[layout])
    assert data.class_names == tuple(CLASSES)
    assert data.images.shape == (1799, 1, 200, 200)
    assert [data.class_range(name)[1] for name in CLASSES] == [300, 300, 299, 300, 300, 300]
    assert [(dropped.split("/")[-1], kept.split("/")[-1]) for dropped, kept in data.dropped] == [
        tuple(LAYOUTS[layout]("Patches", i).split("/")[-1] for i in (105, 101))
    ]
    for name in CLASSES:
        first, _ = data.class_range(name)
        difference = data.images[first + 9, 0].astype(int) - picture(name, 10)
        assert np.abs(difference).max() <= (0 if layout != "det" else 24)  # JPEG rounds
    assert (data.boxes is not None) == (layout == "det")
    if data.boxes is not None:
        assert data.boxes[9].tolist() == [[10 % 7, 2, 9, 8]]


def test_neu_from_a_folder_equals_neu_from_its_zip(archives: dict[str, Path], tmp_path: Path):
    with zipfile.ZipFile(archives["flat"]) as archive:
        archive.extractall(tmp_path)
    assert Neu().load(tmp_path).digest == Neu().load(archives["flat"]).digest


def test_neu_without_some_images_is_refused(archives: dict[str, Path], tmp_path: Path):
    def without(part: str) -> Path:
        path = tmp_path / "part.zip"
        with zipfile.ZipFile(archives["flat"]) as whole, zipfile.ZipFile(path, "w") as archive:
            for file in whole.namelist():
                if part not in file:
                    archive.writestr(file, whole.read(file))
        return path

    with pytest.raises(UserError, match="Crazing has 0 images"):
        Neu().load(without("Cr_"))
    with pytest.raises(UserError, match=r"Scratches has 299 .*expected 300"):
        Neu().load(without("Sc_300.bmp"))


def test_a_truncated_zip_and_a_truncated_image_are_named(archives: dict[str, Path], tmp_path: Path):
    cut = tmp_path / "cut.zip"
    cut.write_bytes(archives["flat"].read_bytes()[:-1000])
    with pytest.raises(UserError, match=r"cut\.zip is neither a folder nor a whole zip"):
        Neu().load(cut)
    write(tmp_path / "own", {"a": [8, 9], "b": [8]})
    broken = tmp_path / "own" / "a" / "0.png"
    broken.write_bytes(broken.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a/0\.png is not a whole image"):
        Folder().load(tmp_path / "own")


def test_a_damaged_entry_of_a_zip_is_named(tmp_path: Path):
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.bmp", encoded(picture("Crazing", 1), "BMP"))
    content = bytearray(path.read_bytes())
    content[60:80] = bytes(20)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a/1\.bmp"):
        Folder().load(path)


def write(place: Path, classes: dict[str, list[int]], mode: str = "L", grey_level: int = 7) -> Path:
    for number, (name, sides) in enumerate(classes.items()):
        (place / name).mkdir(parents=True)
        for i, side in enumerate(sides):
            pixels = np.full((side, side), 3 * i, dtype=np.uint8)
            pixels[0, 0] = 10 + grey_level + number
            Image.fromarray(pixels).convert(mode).save(place / name / f"{i}.png")
    return place


def test_folder_of_equal_grey_images_keeps_their_size(tmp_path: Path):
    data = Folder().load(write(tmp_path / "own", {"b": [20, 20], "a": [20, 20, 20]}))
    assert data.images.shape == (5, 1, 20, 20)
    assert data.class_names == ("a", "b")
    assert data.labels.tolist() == [0, 0, 0, 1, 1]
    assert data.notes == ()


def test_folder_of_mixed_sizes_and_modes(tmp_path: Path):
    place = write(tmp_path / "own", {"a": [20, 30]})
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
    assert data.notes == ("3 sizes of image, all resized to 24 x 24 pixels",)
    deep = next(i for i, file in enumerate(data.files) if "I16" in file)
    assert 80 < data.images[deep].mean() < 170  # 16-bit values are scaled, not cut off at 255
    assert Folder(FolderSettings(side=16)).load(place).images.shape[2:] == (16, 16)


def test_folder_ignores_what_lies_above_the_classes(tmp_path: Path):
    write(tmp_path / "train", {"a": [8, 8], "b": [8, 8]})
    write(tmp_path / "validation", {"a": [9, 8]}, grey_level=60)
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


def test_a_decoded_data_set_is_cached_and_a_damaged_cache_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FEWSHOT_BENCH_CACHE", str(tmp_path / "cache"))
    place = write(tmp_path / "own", {"a": [8, 8], "b": [8, 8]})
    first = Folder().load(place)
    (cache,) = (tmp_path / "cache").glob("*.npz")
    made = cache.stat().st_mtime_ns
    assert Folder().load(place).digest == first.digest
    assert cache.stat().st_mtime_ns == made
    cache.write_bytes(cache.read_bytes()[:100])
    assert Folder().load(place).digest == first.digest
    Image.fromarray(np.full((8, 8), 99, dtype=np.uint8)).save(place / "a" / "0.png")
    assert Folder().load(place).digest != first.digest


def test_steel_sim_is_drawn_from_its_seed():
    small = SteelSimSettings(per_class=4, side=32)
    first, other = (
        SteelSim(small).load(None),
        SteelSim(SteelSimSettings(per_class=4, side=32, seed=1)).load(None),
    )
    assert first.images.shape == (24, 1, 32, 32)
    assert SteelSim(small)._generate().digest == first.digest
    assert first.digest != other.digest
    more = SteelSim(SteelSimSettings(per_class=6, side=32)).load(None)
    assert np.array_equal(
        more.images[:4], first.images[:4]
    )  # image i of a class is the same however many there are
    with pytest.raises(UserError, match="reads no data"):
        SteelSim(small).load(Path())


def test_classes_resolve_by_name_or_abbreviation_in_any_case():
    data = SteelSim(SteelSimSettings(per_class=2, side=32)).load(None)
    assert data.resolve(["cr", "Rolled-in_Scale", "SCRATCHES"]) == (
        "Crazing",
        "Rolled-in_Scale",
        "Scratches",
    )
    with pytest.raises(UserError, match="did you mean 'Crazing'"):
        data.resolve(["Crasing"])
    with pytest.raises(UserError, match="'Crazing' is named twice"):
        data.resolve(["Cr", "crazing"])


def test_names_that_differ_in_case_alone_are_two_classes(blobs: LabelledImages):
    data = dataclasses.replace(blobs, class_names=("a", "A", "b", "c", "d", "e"))
    assert data.resolve(["A", "a", "B"]) == ("A", "a", "b")
    with pytest.raises(UserError, match="unknown class"):
        dataclasses.replace(blobs, class_names=("Dent", "DENT", "b", "c", "d", "e")).resolve(
            ["dent"]
        )


def test_subset_is_relabelled_in_the_order_asked_for():
    data = SteelSim(SteelSimSettings(per_class=3, side=32)).load(None)
    part = data.subset(["Scratches", "Crazing"])
    assert part.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert part.files[0] == "Scratches_1"
    assert np.array_equal(part.images[3:], data.images[:3])
    assert json.dumps(part.class_names) == '["Scratches", "Crazing"]'


@pytest.mark.parametrize("name", ["NEU-CLS.zip", "NEU-DET.zip"])
def test_the_real_neu(shared_data: Path, name: str):
    data = Neu().load(shared_data / name)
    assert len(data) == 1799
    (pair,) = data.dropped
    assert [file.split("/")[-1].split(".")[0].split("_")[1] for file in pair] == ["105", "101"]
    assert (data.boxes is not None) == (name == "NEU-DET.zip")
    if data.boxes is not None:
        assert min(map(len, data.boxes)) >= 1
        assert data.boxes[0].tolist() == [[2, 2, 193, 194]]
