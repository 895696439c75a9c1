"""`--labels`: tables of public sets, from the command line to the record."""

import json
from pathlib import Path

import pytest

from tests.helpers.command_line import SHORT
from tests.helpers.files import archive, picture

pytestmark = pytest.mark.usefixtures("empty_cache")


def pictures(names: list[str]) -> dict[str, bytes]:
    return {name: picture(seed) for seed, name in enumerate(names)}


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """A zip as elpv is: pictures, and a table without names of columns."""
    names = [f"images/cell{number:04d}.png" for number in range(1, 25)]
    shares = ("0.0", "0.33", "0.67", "1.0")
    lines = [f"{name}  {shares[at % 4]}   mono" for at, name in enumerate(names)]
    table = "\n".join(lines[:-1]).encode()
    return archive(tmp_path / "elpv.zip", {**pictures(names), "labels.csv": table})


def test_a_table_in_the_zip_of_its_pictures(bench, cells: Path, tmp_path: Path):
    words = ("--data", cells, "--labels", "labels.csv", "--class-names", "0.0=good,1.0=bad/worn")
    chosen = ("--test-classes", "good,bad/worn", "--ways", "2", *SHORT)
    status, out, err = bench("run", *words, *chosen, "--out", tmp_path / "out")
    assert status == 0, err
    (path,) = (tmp_path / "out").glob("records/**/*.json")
    record = json.loads(path.read_text())
    notes = record["dataset"]["notes"]
    assert notes[0].startswith("labels come from labels.csv: column 1 is the path, column 2 is")
    assert "column 3 is not read" in notes[0]
    assert notes[1].startswith("1 picture is left out, without a row in labels.csv")
    assert notes[0] in " ".join(out.split())
    assert "0.0=good,1.0=bad/worn" in record["provenance"]["argv"]
    assert str(tmp_path) not in path.read_text()


def test_a_changed_table_is_read_anew(bench, tmp_path: Path):
    folder = tmp_path / "list"
    folder.mkdir()
    for name, content in pictures(["1.png", "2.png", "3.png", "4.png"]).items():
        (folder / name).write_bytes(content)
    table = tmp_path / "list.txt"
    for classes in ("0101", "0122"):
        table.write_text("\n".join(f"{at + 1}.png {name}" for at, name in enumerate(classes)))
        _, out, _ = bench("data", folder, "--labels", table)
        assert f"{len(set(classes))} classes" in out


def test_groups_of_a_table(bench, cells: Path, tmp_path: Path):
    lines = ["file,label,plate"]
    lines += [f"cell{number:04d}.png,{number % 2},{number // 4}" for number in range(1, 25)]
    table = tmp_path / "plates.csv"
    table.write_text("\n".join(lines))
    status, out, err = bench("data", cells, "--labels", table)
    assert status == 0, err
    assert "groups: 7 by plate of plates.csv" in out
    _, _, err = bench("data", cells, "--labels", table, "--group-by", r"(\d)")
    assert "plate of plates.csv both make groups" in err
    status, out, _ = bench("data", cells, "--labels", table, "--label-columns", "group=")
    assert (status, "groups:" in out) == (0, False)


def test_a_picture_with_two_labels_is_no_contradiction(bench, cells: Path, tmp_path: Path):
    """One picture with two labels is a matter of the table; equal pictures in two classes stay one of the data."""
    table = tmp_path / "two.csv"
    lines = [f"cell{number:04d}.png,{number % 2}" for number in range(1, 25)]
    table.write_text("\n".join(["file,label", *lines, "cell0001.png,0"]))
    status, _, err = bench("data", cells, "--labels", table)
    assert (status, "several labels in two.csv" in err) == (2, True)
    _, out, _ = bench("data", cells, "--labels", table, "--multi-label", "first")
    assert "1 of 24 pictures with several labels" in out
    assert "contradictions:" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--labels", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("--multi-label", "first"), "name one with --labels FILE"),
        (("--labels", "labels.csv", "--multi-label", "all"), "multi_label=all"),
        (("--labels", "labels.csv", "--class-level", "1"), "class_level=1 is out of bounds"),
        (("--labels", "labels.csv", "--keep-masks"), "keep_masks=True is out of bounds"),
        (("--labels", "labels.csv", "--class-names", "7=a"), "unknown label of --class-names '7'"),
        (("--labels", "labels.csv", "--label-columns", "label"), "write NAME=VALUE"),
        (("--labels", "labels.csv", "--dataset", "neu"), "--labels is not for neu"),
    ],
)
def test_mistakes_are_one_line(bench, cells: Path, words, message: str):
    status, _, err = bench("data", cells, *words)
    assert status == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_names_for_classes_of_folders(bench, tmp_path: Path):
    path = archive(tmp_path / "a.zip", pictures(["1/a.png", "1/b.png", "2/c.png", "3/d.png"]))
    status, out, err = bench(
        "data", path, "--class-names", "1=punching hole,2=weld line,3=weld line"
    )
    assert status == 0, err
    assert "punching hole" in out
    assert "2, 3 are read as one class, weld line" in out


def test_the_boxes_of_a_table_become_images(bench, cells: Path, tmp_path: Path):
    """The crops of a picture are a group, and their protocol is none that has published figures."""
    lines = ["file,label,x1,x2,y1,y2"]
    for number in range(1, 25):
        lines += [f"cell{number:04d}.png,{number % 3},{at},{at + 8},0,8" for at in (0, 8)]
    table = tmp_path / "boxes.csv"
    table.write_text("\n".join(lines))
    words = ("--data", cells, "--labels", table, "--crop-boxes", "0", "--test-classes", "0,1")
    status, _, err = bench("run", *words, "--ways", "2", *SHORT, "--out", tmp_path / "out")
    assert status == 0, err
    (path,) = (tmp_path / "out").glob("records/**/*.json")
    record = json.loads(path.read_text())
    assert record["dataset"]["name"] == "folder-crops"
    assert record["dataset"]["images"] == 48
    assert record["dataset"]["group_by"] == "picture of the crop"
    assert record["protocol"]["name"] == "folder-crops-custom"
    assert len(set(record["groups"])) == 16
    for margin, message in (("x", "a number such as 0.1"), ("-1", "out of bounds")):
        status, _, err = bench("data", cells, "--labels", table, "--crop-boxes", margin)
        assert (status, message in err) == (2, True)
    status, _, err = bench("data", cells, "--labels", "labels.csv", "--crop-boxes", "0")
    assert (status, "folder has no boxes here" in err) == (2, True)


def test_a_table_deep_in_the_archive(bench, tmp_path: Path):
    members = pictures(["set/a/1.png", "set/a/2.png"])
    table = b"1.png x\n2.png y"
    one = archive(tmp_path / "one.zip", {**members, "set/list.txt": table})
    status, out, err = bench("data", one, "--labels", "list.txt")
    assert status == 0, err
    assert "2 classes" in out
    two = archive(tmp_path / "two.zip", {**members, "set/list.txt": table, "b/list.txt": table})
    _, _, err = bench("data", two, "--labels", "list.txt")
    assert "may be b/list.txt or set/list.txt" in err
