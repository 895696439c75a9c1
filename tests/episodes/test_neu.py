"""Data sets from every layout they come in, and the one line that a damaged one gets."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.folder import Folder
from fewshot_bench.plugins.episodes.neu import CLASSES, Neu

from fewshot_bench import FileTree
from fewshot_bench.errors import UserError
from tests.helpers.files import encoded, image_folder

LONG = dict(
    zip(
        CLASSES,
        ["crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches"],
        strict=True,
    )
)


BOX = "<annotation><object><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>9</xmax><ymax>8</ymax></bndbox></object></annotation>"


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
    image_folder(tmp_path / "own", {"a": [8, 9], "b": [8]})
    broken = tmp_path / "own" / "a" / "0.png"
    broken.write_bytes(broken.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a/0\.png is not a whole image"):
        Folder().load(tmp_path / "own")


def det_with(
    archives: dict[str, Path], path: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]
) -> Path:
    """NEU-DET with each file as `change` gives it, or without it."""
    with zipfile.ZipFile(archives["det"]) as whole, zipfile.ZipFile(path, "w") as packed:
        for file in whole.namelist():
            changed = change(file, whole.read(file))
            if changed is not None:
                packed.writestr(*changed)
    return path


BAD = "crazing_10.xml"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        pytest.param(None, "crazing_10.jpg: there is none", id="missing"),
        pytest.param(b"<annotation><obj", "crazing_10.jpg: ", id="cut off"),
        pytest.param(BOX.format("left").encode(), "could not convert", id="no number"),
        pytest.param(BOX.format("nan").encode(), "a corner is no number", id="not a number"),
        pytest.param(b"<?xml version='1.0' encoding='klingon'?><a/>", "klingon", id="encoding"),
    ],
)
def test_a_bad_annotation_costs_its_boxes_and_not_the_set(
    archives: dict[str, Path], tmp_path: Path, content: bytes | None, note: str
):
    def change(file: str, old: bytes) -> tuple[str, bytes] | None:
        if not file.endswith(BAD):
            return file, old
        return None if content is None else (file, content)

    data = Neu().load(det_with(archives, tmp_path / "det.zip", change))
    assert data.boxes is not None
    assert [len(boxes) for boxes in data.boxes[8:11]] == [1, 0, 1]
    (told,) = data.notes
    assert told.startswith("1 images have no annotation that can be read, and so no boxes, first")
    assert note in told


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BOX.format("3.0").encode(), id="decimal"),
        pytest.param(
            f"<?xml version='1.0' encoding='GB2312'?>\n<!-- 钢材 -->{BOX.format(3)}".encode(
                "gb2312"
            ),
            id="GB 2312",
        ),
    ],
)
def test_annotations_in_other_forms_are_read(
    archives: dict[str, Path], tmp_path: Path, content: bytes
):
    def change(file: str, old: bytes) -> tuple[str, bytes]:
        return file, content if file.endswith(BAD) else old

    data = Neu().load(det_with(archives, tmp_path / "det.zip", change))
    assert data.boxes is not None
    assert data.boxes[9].tolist() == [[3, 2, 9, 8]]
    assert data.notes == ()


def test_swapped_corners_are_put_right_and_counted(archives: dict[str, Path], tmp_path: Path):
    def change(file: str, old: bytes) -> tuple[str, bytes]:
        is_swapped = "crazing" in file and file.endswith("xml")
        return file, BOX.format(12).encode() if is_swapped else old

    data = Neu().load(det_with(archives, tmp_path / "det.zip", change))
    assert data.boxes is not None
    assert data.boxes[9].tolist() == [[9, 2, 12, 8]]
    assert data.notes == ("300 boxes had their corners swapped, and were put right",)


@pytest.mark.parametrize(
    "renamed",
    [
        lambda stem: f"train/images/{stem}_jpg.rf.{hash(stem) & 0xFFFFFFFF:08x}abc.jpg",
        lambda stem: f"upload/{hash(stem) & 0xFFFFFFFF:08x}-{stem}.jpg",
    ],
    ids=["Roboflow", "Label Studio"],
)
def test_neu_as_annotation_tools_export_it(
    archives: dict[str, Path], tmp_path: Path, renamed: Callable[[str], str]
):
    def change(file: str, old: bytes) -> tuple[str, bytes] | None:
        path = PurePosixPath(file)
        return (renamed(path.stem), old) if path.suffix == ".jpg" else None

    path = det_with(archives, tmp_path / "export.zip", change)
    with FileTree(path) as tree:
        assert Neu.recognises(tree.files)
    assert Neu().load(path).digest == Neu().load(archives["det"]).digest


def some(classes: dict[str, int]) -> list[str]:
    return [f"{name}/{number}.png" for name, count in classes.items() for number in range(count)]


@pytest.mark.parametrize(
    ("files", "is_neu"),
    [
        (some(dict.fromkeys(CLASSES, 300)), True),
        (some(dict.fromkeys(CLASSES, 299)), True),
        (some(dict.fromkeys(CLASSES, 40)), False),
        (some(dict.fromkeys(list(CLASSES)[:5], 300)), False),
        (some({"scratches": 300, "inclusion": 300, "ok": 300}), False),
        (some(dict.fromkeys(["cr", "gg", "in", "pa", "ps", "rp", "rs", "sc", "sp"], 300)), False),
        ([f"weld_good/PS_{number:04}.png" for number in range(1800)], False),
    ],
)
def test_own_data_with_words_of_neu_is_not_taken_for_it(files: list[str], is_neu: bool):
    assert Neu.recognises(files) == is_neu


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
