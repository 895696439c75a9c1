"""MVTec AD in its folders and MVTec-FS in its tables: classes of several products side by side."""

from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.mvtec import PRODUCTS, TEXTURES, Mvtec, MvtecSettings

from fewshot_bench.errors import UserError
from fewshot_bench.plugins.episodes import mvtec
from tests.helpers.data_layouts import is_run, mask, needs_data, noise, refused
from tests.helpers.files import archive

POINTS = str([[2, 4], [6, 12]] * 10_000)  # outlines are long
HEADER = "img_rel_path,x1,x2,y1,y2,label,points"


@pytest.fixture(scope="module")
def ad() -> dict[str, bytes]:
    """Three pictures of each type of defects and three good ones of each product."""
    files = {"license.txt": b"CC"}
    seed = 0
    for product, defects in PRODUCTS.items():
        for folder in ("train/good", "test/good", *(f"test/{defect}" for defect in defects)):
            for number in range(3 if "good" not in folder else 2):
                seed += 1
                files[f"{product}/{folder}/{number:03d}.png"] = noise(seed, 16)
                if "good" not in folder:
                    truth = f"{product}/ground_truth/{folder.removeprefix('test/')}"
                    files[f"{truth}/{number:03d}_mask.png"] = mask((2, 4, 6, 12), width=16)
    return files


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mvtec, "DEFECTIVE", 219)


@pytest.fixture
def fs(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Two products with two labels each; one picture of bottle has both labels."""
    counts = {"products": 2, "types of defects": 4, "pictures": 24}
    monkeypatch.setattr(mvtec, "FS_COUNTS", counts)
    files = {}
    for product in ("bottle", "cable"):
        rows = {"train": [HEADER], "valid": [HEADER]}
        for number in range(12):
            label = "crack" if number % 2 else "scratch"
            path = f"{product}/{label}/{number:03d}.png"
            files[f"MVTec-FS/data/{path}"] = noise(number + 100 * len(product), 16)
            part = "train" if number < 6 else "valid"
            rows[part].append(f'data/{path},2,6,4,12,{label},"{POINTS}"')
        if product == "bottle":
            rows["train"].append(f'data/{product}/scratch/000.png,8,9,8,9,crack,"[[8, 8]]"')
        for part, lines in rows.items():
            files[f"MVTec-FS/CONFIG/{product}_config1/{part}.csv"] = "\n".join(lines).encode()
    return files


def test_ad_has_the_types_of_all_products(ad: dict[str, bytes], tmp_path: Path):
    data = Mvtec(MvtecSettings(side=16)).load(archive(tmp_path / "m.zip", ad))
    assert len(data.class_names) == 73
    assert len(data) == 219
    assert {tuple(map(tuple, boxes)) for boxes in data.boxes} == {((2, 4, 6, 12),)}
    assert (
        data.notes[0] == "60 images without a defect are left out; --set mvtec.good=true reads them"
    )
    tile = Mvtec(MvtecSettings(side=16, product="tile", good=True)).load(tmp_path / "m.zip")
    assert tile.class_names == (
        "tile/crack",
        "tile/glue_strip",
        "tile/good",
        "tile/gray_stroke",
        "tile/oil",
        "tile/rough",
    )
    assert tile.class_range("tile/good")[1] == 4
    assert tile.notes[0].endswith(
        "images are of other products or in other folders and are left out"
    )


def test_ad_of_one_product(ad: dict[str, bytes], tmp_path: Path):
    own = {
        file.removeprefix("tile/"): content
        for file, content in ad.items()
        if file.startswith("tile/")
    }
    data = Mvtec(MvtecSettings(product="tile")).load(archive(tmp_path / "tile.zip", own))
    assert len(data.class_names) == 5


def test_whole_products_that_are_missing_are_named(ad: dict[str, bytes], tmp_path: Path):
    own = {file: content for file, content in ad.items() if file.startswith(("tile/", "wood/"))}
    message = (
        r"no image of bottle, cable, .*, zipper \(--set mvtec.product=NAME reads one product\)"
    )
    refused(Mvtec(), tmp_path, own, message)
    assert len(Mvtec(MvtecSettings(product="wood")).load(tmp_path / "part.zip").class_names) == 5
    fewer = {file: content for file, content in ad.items() if "wood/test/hole/001" not in file}
    refused(Mvtec(), tmp_path, fewer, r"it has 218 images \(expected 219\)")


def test_protocols_hold_out_products(ad: dict[str, bytes]):
    heldout, small = Mvtec.protocols
    assert len({*heldout.train_classes, *heldout.test_classes}) == 73
    assert {name.split("/")[0] for name in heldout.test_classes} == set(TEXTURES)
    with_good, _ = Mvtec(MvtecSettings(good=True)).versioned_protocols()
    assert "wood/good" in with_good.test_classes
    assert Mvtec(MvtecSettings(product="wood")).versioned_protocols() == (small,)


def test_a_part_of_ad_is_refused(ad: dict[str, bytes], tmp_path: Path):
    fewer = {file: content for file, content in ad.items() if "screw/test/thread_top" not in file}
    refused(Mvtec(), tmp_path, fewer, "MVTec AD set: there is no image of screw/thread_top")
    refused(
        Mvtec(),
        tmp_path,
        ad | {"wood/test/rot/1.png": noise(1)},
        "wood/rot is none of its types of defects",
    )
    no_mask = {
        file: content
        for file, content in ad.items()
        if file != "wood/ground_truth/hole/001_mask.png"
    }
    refused(Mvtec(), tmp_path, no_mask, "there is no wood/ground_truth/hole/001_mask.png")
    needs_data(Mvtec(), "mvtec")


def test_ad_is_recognised_and_run(
    ad: dict[str, bytes], tmp_path: Path, bench, monkeypatch: pytest.MonkeyPatch
):
    assert not Mvtec.recognises(list(ad))  # too few images
    monkeypatch.setattr(mvtec, "LEAST_RECOGNISED", 200)
    assert Mvtec.recognises(list(ad))
    path = archive(tmp_path / "m.zip", ad)
    is_run(bench, "mvtec", path, tmp_path / "out", "--shots", "1", "--episodes", "50")


def test_fs_reads_the_tables(fs: dict[str, bytes], tmp_path: Path):
    path = archive(tmp_path / "f.zip", fs)
    data = Mvtec(MvtecSettings(edition="fs", side=16)).load(path)
    assert data.class_names == ("bottle/crack", "bottle/scratch", "cable/crack", "cable/scratch")
    assert len(data) == 23  # the picture with two labels is left out
    assert any(
        note.startswith("bottle: 1 of 12 pictures with several labels") for note in data.notes
    )
    assert {tuple(map(tuple, boxes)) for boxes in data.boxes} == {((2, 4, 6, 12),)}
    first = Mvtec(MvtecSettings(edition="fs", side=16, multi_label="first")).load(path)
    assert len(first) == 24
    assert len(Mvtec(MvtecSettings(edition="fs", product="cable")).load(path)) == 12


def test_a_part_of_fs_is_refused(fs: dict[str, bytes], tmp_path: Path):
    settings = MvtecSettings(edition="fs")
    del fs["MVTec-FS/CONFIG/cable_config1/valid.csv"]
    refused(Mvtec(settings), tmp_path, fs, r"MVTec-FS set: it has 18 pictures \(expected 24\)")
    fs["MVTec-FS/CONFIG/cable_config1/valid.csv"] = b""
    refused(Mvtec(settings), tmp_path, fs, "cable_config1/train.csv and .* have other columns")
    wood = MvtecSettings(edition="fs", product="wood")
    refused(Mvtec(wood), tmp_path, fs, "there are no tables of wood")


def test_fs_is_run(fs: dict[str, bytes], tmp_path: Path, bench):
    path = archive(tmp_path / "f.zip", fs)
    words = (
        "--set",
        "mvtec.edition=fs",
        "--protocol",
        "mvtec-small",
        "--train-per-class",
        "3",
        "--runs",
        "2",
    )
    status, out, error = bench(
        "run",
        "--dataset",
        "mvtec",
        "--data",
        path,
        "--baselines",
        "pixels",
        "--out",
        tmp_path,
        *words,
    )
    assert status == 0, error
    assert "pixels" in out


def test_settings_out_of_bounds():
    for values in ({"product": "shoe"}, {"edition": "fs", "good": True}, {"multi_label": "all"}):
        with pytest.raises(UserError):
            MvtecSettings(**values)
