"""Paths of tables: relative to the folder, above or below it, without endings, of other systems."""

import pytest

from fewshot_bench.data.label_paths import PictureIndex, rows_of_pictures
from fewshot_bench.data.label_rows import LabelRow
from fewshot_bench.errors import UserError


def matched(files: list[str], *paths: str) -> tuple[dict[str, str], list[str]]:
    """({picture: path of its first row}, notes)."""
    rows = [LabelRow(line, path, "x") for line, path in enumerate(paths, start=1)]
    rows_of, notes = rows_of_pictures(PictureIndex(files), "t.csv", rows)
    return {file: rows[0].path for file, rows in rows_of.items()}, notes


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("images/1.png", "images/1.png"),
        ("images/1.png", "./images/1.png"),
        ("images/1.png", "1.png"),
        ("images/1.png", "1"),
        ("1.png", "/home/me/images/1.png"),
        ("images/1.png", "C:\\data\\images\\1.png"),
        ("images/1.PNG", "Images/1.png"),
        ("a/Fräse.png", "a/Fra\u0308se.png"),
        ("a/no.1.5.png", "no.1.5"),
    ],
)
def test_a_path_that_fits(file: str, path: str):
    assert matched([file, "other.png"], path, "other.png")[0][file] == path
    assert matched([file, "other.png"], path, "other.png")[1] == []


def test_the_longest_end_decides():
    files = ["train/x/1.png", "train/y/1.png", "1.png"]
    found, _ = matched(files, "set/train/x/1.png", "y/1.png", "1.png")
    assert found == {files[0]: "set/train/x/1.png", files[1]: "y/1.png", files[2]: "1.png"}


def test_upper_and_lower_case_decide_where_nothing_else_does():
    assert matched(["a/1.png", "A/1.png"], "A/1.png", "a/1.png")[0] == {
        "A/1.png": "A/1.png",
        "a/1.png": "a/1.png",
    }


def test_another_folder_or_ending_is_told():
    found, notes = matched(["b/1.png", "2.png"], "a/1.png", "2.jpg")
    assert found == {"b/1.png": "a/1.png", "2.png": "2.jpg"}
    assert notes == [
        "2 paths of t.csv with another folder or ending than the picture: "
        "a/1.png for b/1.png, 2.jpg for 2.png"
    ]


def test_several_paths_that_fit_in_the_last_name_only_name_no_picture():
    found, notes = matched(["c/1.png", "2.png"], "a/1.png", "b/1.png", "2.png")
    assert found == {"2.png": "2.png"}
    assert notes[0] == "2 paths of t.csv without a picture: a/1.png, b/1.png"


def test_the_end_of_one_and_the_whole_of_another():
    found, notes = matched(["crack/1.png"], "crack/1.png", "good/1.png")
    assert found == {"crack/1.png": "crack/1.png"}
    assert notes == ["1 path of t.csv without a picture: good/1.png"]


def test_pictures_and_rows_without_the_other_are_counted():
    _, notes = matched(["1.png", "2.png", "3.png"], "1.png", "4.png")
    assert notes == [
        "1 path of t.csv without a picture: 4.png",
        "2 pictures are left out, without a row in t.csv: 2.png, 3.png",
    ]


@pytest.mark.parametrize(
    ("files", "paths", "message"),
    [
        (["a/1.png", "b/1.png"], ["1.png"], "'1.png' in line 1 may be a/1.png or b/1.png"),
        (["1.png", "1.jpg"], ["1"], "'1' in line 1 may be 1.png or 1.jpg"),
        (["1.png"], ["a/1.png", "b/1.png"], "'a/1.png' in line 1 and 'b/1.png' in line 2 may both"),
        (["x.png", "y.png"], ["1.png"], "a row has '1.png', a picture is 'x.png'"),
        ([], ["1.png"], "there is no picture"),
    ],
)
def test_what_is_not_clear_is_an_error(files, paths, message: str):
    with pytest.raises(UserError, match=message):
        matched(files, *paths)
