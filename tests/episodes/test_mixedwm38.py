"""Wafer maps: MixedWM38 in every form it comes in, its simulation, and how a map enters the network."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.baselines.dc_net import DcNet
from fewshot_bench.plugins.baselines.scl_amp import SclAmp
from fewshot_bench.plugins.baselines.wscn import Wscn
from fewshot_bench.plugins.episodes.mixedwm38 import (
    CLASSES,
    GROUPS,
    MIXED,
    SINGLE,
    MixedWM38,
)

from fewshot_bench.errors import UserError
from tests.helpers.files import WAFER_MAPS, npz, wafer_arrays


def zipped(path: Path, *files: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, f"MixedWM38/{file.name}")
    return path


@pytest.mark.parametrize("form", ["npz", "zip", "folder", "arrays"])
def test_every_form_gives_the_same_maps(tmp_path: Path, form: str):
    content = wafer_arrays()
    file = npz(tmp_path / "Wafer_Map_Datasets.npz", content)
    path = {"npz": file, "zip": zipped(tmp_path / "archive.zip", file)}.get(form, tmp_path)
    if form in ("folder", "arrays"):
        (tmp_path / "archive.zip").unlink(missing_ok=True)
    if form == "arrays":  # the archive, unpacked
        for name, array in content.items():
            np.save(tmp_path / f"{name}.npy", array)
    data = MixedWM38().load(path)
    assert data.class_names == CLASSES
    assert data.images.shape == (WAFER_MAPS, 3, 52, 52)
    assert data.name == "mixedwm38-subset"
    assert any("MixedWM38 subset: 114 of 38,015 maps" in note for note in data.notes)
    for at, file_name in enumerate(data.files):
        number = int(file_name.removeprefix("map "))
        assert CLASSES[data.labels[at]] == CLASSES[number % len(CLASSES)]
        assert np.array_equal(data.images[at].argmax(0), content["arr_0"][number])


def test_classes_are_those_of_table_v():
    assert len(set(CLASSES)) == 38
    assert [len(name.split("+")) for name in CLASSES[1:]] == [1] * 8 + [2] * 13 + [3] * 12 + [4] * 4
    assert CLASSES[9] == "C+EL"
    assert CLASSES[28] == "D+EL+S"
    assert CLASSES[37] == "D+L+ER+S"
    assert (CLASSES[:9], CLASSES[9:]) == (SINGLE, MIXED)


def test_stray_values_are_counted_told_and_read_as_failed_dies(tmp_path: Path):
    content = wafer_arrays()
    content["arr_0"][0, 20, 20:25] = 3
    data = MixedWM38().load(npz(tmp_path / "maps.npz", content))
    assert "5 dies of the undocumented state 3 were read as failed dies" in data.notes
    first = data.images[data.files.index("map 0")]
    assert (first[:, 20, 20:25].argmax(0) == 2).all()


def changed(**changes: object) -> dict[str, np.ndarray]:
    return {
        name: value for name, value in {**wafer_arrays(), **changes}.items() if value is not None
    }


def labelled(*row: int) -> np.ndarray:
    labels = wafer_arrays()["arr_1"]
    labels[7] = row
    return labels


FAULTS = {
    "has no array arr_1": lambda: changed(arr_1=None),
    "map 7 has the label [1, 1, 0, 0, 0, 0, 0, 0]": lambda: changed(
        arr_1=labelled(1, 1, 0, 0, 0, 0, 0, 0)
    ),
    "map 7 has the label [2, 0, 0, 0, 0, 0, 0, 0]": lambda: changed(
        arr_1=labelled(2, 0, 0, 0, 0, 0, 0, 0)
    ),
    "(114, 7)": lambda: changed(arr_1=wafer_arrays()["arr_1"][:, :7]),
    "(114, 26, 104)": lambda: changed(arr_0=wafer_arrays()["arr_0"].reshape(WAFER_MAPS, 26, 104)),
    "it holds float64": lambda: changed(arr_0=wafer_arrays()["arr_0"] / 2),
    "it holds object": lambda: changed(arr_0=wafer_arrays()["arr_0"].astype(object)),
    "a die of state 7": lambda: changed(arr_0=np.where(wafer_arrays()["arr_0"] == 2, 7, 0)),
    "a die of state -1": lambda: changed(arr_0=wafer_arrays()["arr_0"] - 1),
    "100 maps for its 114 labels": lambda: changed(arr_0=wafer_arrays()["arr_0"][:100]),
    "more maps than its 100 labels": lambda: changed(arr_1=wafer_arrays()["arr_1"][:100]),
    "its shape is (0, 52, 52)": lambda: changed(arr_0=wafer_arrays()["arr_0"][:0]),
}


@pytest.mark.parametrize("expected", FAULTS)
def test_a_file_that_is_not_as_published_is_one_clear_error(tmp_path: Path, expected: str):
    with pytest.raises(UserError) as error:
        MixedWM38().load(npz(tmp_path / "maps.npz", FAULTS[expected]()))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def claims_more(path: Path) -> Path:
    """An array whose header promises a hundred times what follows."""
    content = wafer_arrays()
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<i4", "fortran_order": False, "shape": (100 * WAFER_MAPS, 52, 52)}
    )
    file.write(content["arr_0"].tobytes())
    labels = io.BytesIO()
    np.save(labels, np.repeat(content["arr_1"], 100, axis=0))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("arr_0.npy", b"\x93NUMPY\x01\x00" + file.getvalue()[8:])
        archive.writestr("arr_1.npy", labels.getvalue())
    return path


def test_damaged_files(tmp_path: Path):
    whole = npz(tmp_path / "whole.npz", wafer_arrays())
    content = whole.read_bytes()
    (tmp_path / "cut.npz").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.npz").write_text("no archive")
    damaged = bytearray(content)
    damaged[2000:2100] = bytes(100)
    (tmp_path / "damaged.npz").write_bytes(damaged)
    nested = tmp_path / "nested.zip"
    zipped(nested, tmp_path / "text.npz")
    several = zipped(tmp_path / "several.zip", whole, tmp_path / "cut.npz")
    for path in (
        *(tmp_path / f"{name}.npz" for name in ("cut", "text", "damaged")),
        nested,
        several,
        claims_more(tmp_path / "more.npz"),
    ):
        with pytest.raises(UserError) as error:
            MixedWM38().load(path)
        assert path.name in str(error.value)


def test_the_real_subset(shared_data: Path, bench):
    path = shared_data / "MixedWM38-subset.npz"
    if not path.is_file():
        pytest.skip("the MixedWM38 subset is not here")
    data = MixedWM38().load(path)
    counts = np.bincount(data.labels)
    assert len(data) + len(data.dropped) == 2249
    assert len(counts) == 38
    assert counts.min() >= 45
    status, out, _ = bench("data", path)  # recognised by what it holds
    assert status == 0
    assert "mixedwm38-subset: " in out
    assert "not comparable" in out


COLUMNS = {"dc_net": DcNet, "scl_amp": SclAmp, "wscn": Wscn}  # of Table V


@pytest.mark.parametrize("name", COLUMNS)
def test_table_v_has_a_figure_for_every_class_and_group(name: str):
    recalls = {}
    for figure in COLUMNS[name].card.published:
        if figure.protocol == "mixedwm38-classify":
            assert (figure.at, figure.group in recalls) == ("0.8", False)
            recalls[figure.group] = figure.accuracy
    assert list(recalls) == [*CLASSES, *(name for name, _ in GROUPS), "mean of classes"]
    means = [np.mean([recalls[member] for member in members]) for _, members in GROUPS]
    printed = [recalls[group] for group, _ in GROUPS]
    first = 1 if name == "wscn" else 0  # which leaves the normal map out of the first
    assert means[first:] == pytest.approx(printed[first:], abs=0.0006)
