"""Wafer maps: MixedWM38 in every form it comes in, its simulation, and how a map enters the network."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from fewshot_bench.plugins.episodes.mixedwm38 import (
    CLASSES,
    MAPS,
    MIXED,
    SINGLE,
    MixedWM38,
    die_states,
)
from fewshot_bench.plugins.episodes.wafer_sim import IMBALANCE, WaferSim, WaferSimSettings

from fewshot_bench import api
from fewshot_bench.errors import UserError
from fewshot_bench.learn.augment import Augment
from fewshot_bench.learn.encoder import resize
from fewshot_bench.request import Request
from tests.helpers.files import WAFER_MAPS, npz, wafer_arrays


def zipped(path: Path, *files: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, f"MixedWM38/{file.name}")
    return path


@pytest.mark.parametrize("form", ["npz", "zip", "folder"])
def test_every_form_gives_the_same_maps(tmp_path: Path, form: str):
    content = wafer_arrays()
    file = npz(tmp_path / "Wafer_Map_Datasets.npz", content)
    path = {"npz": file, "zip": zipped(tmp_path / "archive.zip", file), "folder": tmp_path}[form]
    if form == "folder":
        (tmp_path / "archive.zip").unlink(missing_ok=True)
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


def test_simulated_maps_depend_on_the_seed_alone_and_look_like_wafers():
    first, again, other = (
        WaferSim(WaferSimSettings(per_class=3, seed=seed)).load(None) for seed in (1, 1, 2)
    )
    assert first.class_names == CLASSES
    assert first.digest == again.digest != other.digest
    states = first.images.argmax(1)
    assert (np.unique(states) == [0, 1, 2]).all()
    outside = (states == 0).mean((1, 2))
    assert outside.min() == outside.max()  # one disc for all
    assert 0.15 < outside[0] < 0.25
    failed = {
        name: (states[first.labels == label] == 2).mean() for label, name in enumerate(CLASSES)
    }
    assert failed["Normal"] < failed["EL"] < failed["NF"]
    assert failed["L"] < failed["C+L"]


def test_imbalance_is_that_of_the_published_set():
    counts = [round(1000 * IMBALANCE.get(name, 1.0)) for name in CLASSES]
    assert sum(counts) == MAPS
    small = WaferSim(WaferSimSettings(per_class=20, imbalanced=True)).load(None)
    assert np.bincount(small.labels)[[0, 6, 28]].tolist() == [20, 3, 40]


def test_a_map_stays_a_map_on_its_way_into_the_network():
    """Every pixel is a share of the three states that adds up to one, whatever is interpolated; turns and flips are exact."""
    maps = np.random.default_rng(0).integers(0, 3, (40, 52, 52))
    images = torch.from_numpy(die_states(maps))
    generator = torch.Generator().manual_seed(0)
    for view in (resize(images, 64), Augment(64)(images, generator)):
        assert torch.allclose(view.sum(1), torch.full_like(view[:, 0], 255.0), atol=0.1)
        assert view.min() >= -1e-3
    views = Augment(52, crop=1.0, ratio=1.0)(images, generator)
    for original, view in zip(images.float(), views, strict=True):
        forms = [
            torch.rot90(form, turn, (1, 2))
            for form in (original, original.flip(2))
            for turn in range(4)
        ]
        assert sum(torch.allclose(form, view, atol=0.1) for form in forms) == 1


def test_a_run_over_mixed_types(tmp_path: Path):
    settings = {"wafer-sim.per_class": "12"}
    request = Request(
        dataset="wafer-sim",
        shots=[1, 5],
        queries=5,
        episodes=100,
        baselines=["untrained"],
        settings=settings,
    )
    table = api.run(request, tmp_path).table
    assert table["ways"].tolist() == [29, 29]
    assert (table["accuracy"] > 3 / 29).all()
    assert table["accuracy"][1] > table["accuracy"][0]
