"""What is meant to do harm: bombs, names that lead elsewhere, links, formulas, pickles; and pictures of odd kinds."""

import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fewshot_bench.data import image_set, tree
from fewshot_bench.errors import Unavailable
from fewshot_bench.leaderboard import tables
from fewshot_bench.learn.encoder import Encoder, EncoderSettings
from tests.helpers.command_line import SHORT, SMALL_IMAGES, assert_well_ended, bench, words_of
from tests.helpers.files import archive, classes, picture

pytestmark = pytest.mark.usefixtures("empty_cache")


def test_zip_bombs_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tree, "MOST_BYTES", 10_000)
    members = classes() | {"c0/bomb.png": bytes(5_000_000)}
    path = archive(tmp_path / "bomb.zip", members, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 50_000
    status, err = bench("data", path, "--dataset", "folder")
    assert_well_ended(status, err)
    assert "c0/bomb.png cannot be read (it has 5,000,000 bytes, allowed are 10,000)" in err


def png_of(width: int, height: int) -> bytes:
    """A whole PNG that says it has so many pixels, and holds next to none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [9_000, 12_000, 60_000])
def test_images_of_absurd_size_are_not_decoded(tmp_path: Path, side: int):
    path = archive(tmp_path / "images.zip", classes() | {"c0/huge.png": png_of(side, side)})
    status, err = bench("data", path, "--dataset", "folder")
    assert_well_ended(status, err)
    assert status == 2
    assert "c0/huge.png is not a whole image" in err


def test_more_images_than_memory_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(image_set, "MOST_BYTES", 2000)
    status, err = bench("data", archive(tmp_path / "images.zip", classes()), "--dataset", "folder")
    assert_well_ended(status, err)
    assert "16 images of 16 x 16 pixels take" in err
    assert "--set folder.side=PIXELS" in err


@pytest.mark.parametrize(
    "name",
    [
        "../../up/1.png",
        "/abs/1.png",
        "c0/../../1.png",
        "C:\\x\\1.png",
        "a\nb/1.png",
        "[/red]/1.png",
        "=1+1/1.png",
    ],
)
def test_names_in_archives_lead_nowhere(tmp_path: Path, name: str):
    path = archive(tmp_path / "images.zip", classes() | {name: picture(99)})
    before = {found for found in tmp_path.rglob("*") if "cache" not in found.parts}
    assert_well_ended(*bench("data", path, "--dataset", "folder"))
    assert_well_ended(
        *bench(
            *words_of("run --dataset folder --data"),
            path,
            "--ways",
            "2",
            *SHORT,
            "--out",
            tmp_path / "out",
        )
    )
    after = {found for found in tmp_path.rglob("*") if not {"cache", "out"} & set(found.parts)}
    assert before == after


def test_links_are_read_as_the_files_they_are_or_not_at_all(tmp_path: Path):
    folder = tmp_path / "data"
    for name, content in classes().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (tmp_path / "secret.txt").write_text("a secret")
    (folder / "c0" / "link.png").symlink_to(tmp_path / "secret.txt")
    status, err = bench("data", folder, "--dataset", "folder")
    assert_well_ended(status, err)
    assert "c0/link.png is not a whole image" in err
    assert "a secret" not in err
    (folder / "c0" / "link.png").unlink()
    (folder / "c0" / "around.png").symlink_to("around.png")
    (folder / "c0" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "c0" / "device.png").symlink_to("/dev/zero")
    os.mkfifo(folder / "c0" / "pipe.png")
    assert bench("data", folder, "--dataset", "folder") == (0, "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_text_that_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path, start: str):
    members = {name.replace("c0", f"{start}cmd"): content for name, content in classes().items()}
    path = archive(tmp_path / "images.zip", members)
    words = (
        *words_of("--dataset folder --data"),
        path,
        *words_of("--ways 2 --test-classes"),
        f"{start}cmd,c1",
        *SHORT,
    )
    assert bench("run", *words, "--out", tmp_path / "out")[0] == 0
    rows = pd.read_csv(tmp_path / "out" / "leaderboard.csv")
    assert rows["test_classes"].tolist() == [f"'{start}cmd | c1"]
    text = tables.csv_text(pd.DataFrame({"class": [f"{start}1+1", "a"], "difference": [-0.5, 0.5]}))
    assert text == f"class,difference\n'{start}1+1,-0.500000\na,0.500000\n"


class Bad:
    """What a pickle runs when it is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, ("pickle_was_run",))


def test_no_code_comes_from_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    np.savez(
        "maps.npz", arr_0=np.array([Bad()], dtype=object), arr_1=np.array([Bad()], dtype=object)
    )
    assert_well_ended(*bench("data", tmp_path / "maps.npz", "--dataset", "mixedwm38"))
    np.savez("episodes.npz", about=np.array([Bad()], dtype=object))
    words = ("run", *SMALL_IMAGES, "--episodes-file", tmp_path / "episodes.npz")
    assert_well_ended(*bench(*words, "--out", tmp_path / "out"))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    for name, content in (
        ("zip", lambda file: torch.save(Bad(), file)),
        ("old", lambda file: file.write(pickle.dumps(Bad()))),
    ):
        with (tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth").open("wb") as file:
            content(file)
        with pytest.raises(Unavailable, match="IMAGENET1K_V1 of resnet18 cannot be had"):
            Encoder(EncoderSettings(weights="IMAGENET1K_V1"))
        assert not (tmp_path / "pickle_was_run").exists(), name
