"""A picture with a wrong label comes out on top, as a table and as a sheet."""

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers import command_line
from tests.helpers.command_line import words_of
from tests.helpers.runs import run

CLASSES = ["dent", "hole", "rust", "stain"]
MISLABELLED = "rust/15.png"
RUN = words_of(
    "--train-classes hole --test-classes dent,rust,stain --ways 3 --shots 1,3 --queries 5 "
    "--episodes 60 --preset scratch"
)


def picture(label: int, rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[:24, :24]
    stripes = np.sin((x * np.cos(label) + y * np.sin(label)) / 2)
    pixels = 60 + 40 * label + 30 * stripes + rng.normal(0, 8, (24, 24))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four classes; one picture in the folder `rust` is a dent."""
    folder = tmp_path_factory.mktemp("mislabelled") / "data"
    rng = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(15):
            picture(label, rng).save(folder / name / f"{number}.png")
    picture(CLASSES.index("dent"), rng).save(folder / MISLABELLED)
    return folder


@pytest.fixture(scope="module")
def results(data: Path) -> Path:
    out = data.parent / "out"
    words = ["--data", data, "--dataset", "folder", *RUN, "--baselines", "pixels,untrained"]
    status, err = command_line.bench("run", *words, "--out", out)
    assert status == 0, err
    return out


@pytest.fixture
def done(results: Path, tmp_path: Path) -> Path:
    """A copy of the results, to write into."""
    return Path(shutil.copytree(results, tmp_path / "out"))


def test_a_mislabelled_picture_comes_out_on_top(bench, data: Path, done: Path):
    words = ("show", "--hardest", 4, "--data", data, "--out", done)
    status, out, err = bench(*words, "--format", "csv")
    assert status == 0, err
    table = pd.read_csv(io.StringIO(out))
    assert len(table) == 4
    first = table.iloc[0]
    assert first["picture"].endswith(MISLABELLED)
    assert (first["class"], first["taken_for"]) == ("rust", "dent")
    assert first["share"] > 0.9
    assert table["share"].iloc[1] < 0.5, "no other picture is like it"
    sheet = done / "plots" / "hardest-folder.png"
    assert str(sheet) in err, "paths go beside a table that a program reads"
    with Image.open(sheet) as drawn:
        assert drawn.width > 600
    text = sheet.with_suffix(".svg").read_text()
    for expected in ("15.png", "taken for dent", f"wrong in {first['wrong']}"):
        assert expected in text
    status, out, err = bench(*words, "--baselines", "pixels", "--shots", 3)
    assert status == 0, err
    assert "most often taken for" in out
    assert "hardest-folder.png" in out


def test_what_is_not_at_hand_is_told(bench, data: Path, done: Path, tmp_path: Path):
    def message(*words: object) -> str:
        status, out, err = bench("show", *words, "--out", done)
        assert (status, out, err.count("\n")) == (2, "", 1), err
        return err

    assert "name the folder or archive with --data" in message("--hardest", 4)
    assert "for bench show --hardest N" in message("--data", data)
    assert "for bench show --hardest N" in message("--set", "folder.side=24")
    assert "allowed: 1 to 300" in message("--hardest", 0, "--data", data)
    assert "shot value of the results '2'" in message("--hardest", 4, "--data", data, "--shots", 2)
    assert "'neu' (allowed: folder)" in message("--hardest", 4, "--dataset", "neu")
    other = tmp_path / "other"
    shutil.copytree(data, other)
    (other / MISLABELLED).unlink()
    told = message("--hardest", 4, "--data", other)
    assert "the results are of other pictures" in told
    assert "bench run --data data" in told, "the command that read them"


def test_one_of_several_data_sets_is_named(bench, data: Path, done: Path):
    run(done, baselines=["pixels"], shots=[1])
    status, _, err = bench("show", "--hardest", 2, "--data", data, "--out", done)
    assert status == 2
    assert "allowed: folder, steel-sim" in err
    status, out, err = bench(
        "show", "--hardest", 2, "--data", data, "--dataset", "folder", "--out", done
    )
    assert status == 0, err
    assert MISLABELLED in out


def test_results_on_other_states_of_the_data_are_left_out_and_told(
    bench, data: Path, done: Path, tmp_path: Path
):
    changed = tmp_path / "changed"
    shutil.copytree(data, changed)
    (changed / "stain" / "0.png").unlink()
    words = ["--data", changed, "--dataset", "folder", *RUN, "--baselines", "pixels"]
    assert bench("run", *words, "--out", done)[0] == 0
    status, out, err = bench("show", "--hardest", 1, "--data", changed, "--out", done)
    assert status == 0, err
    assert "Note: 4 of 6 records are of other pictures and left out." in out
