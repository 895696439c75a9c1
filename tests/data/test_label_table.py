"""A table and pictures together: several labels, groups, boxes, and what a note says."""

import re

import pytest

from fewshot_bench.data.label_table import LabelLayout, label_layout
from fewshot_bench.errors import UserError

FILES = [f"{number}.png" for number in range(1, 7)]


def layout(text: str, **options: str) -> LabelLayout:
    return label_layout(FILES, text.encode(), "t.csv", **options)


def classes(text: str, **options: str) -> dict[str, str]:
    read = layout(text, **options)
    return dict(zip(read.files, read.classes, strict=True))


def has_note(read: LabelLayout, expression: str) -> bool:
    return any(re.search(expression, note) for note in read.notes)


SEVERAL = "ImageId,ClassId\n3.png,4\n1.png,2\n3.png,1\n2.png,2\n2.png,2\n"


def test_several_labels_are_an_error_first():
    with pytest.raises(UserError, match=r"1 of 3 pictures .*3\.png \(4, 1\).*--multi-label first"):
        layout(SEVERAL)


def test_the_first_label_of_the_table_is_kept():
    assert classes(SEVERAL, multi_label="first") == {"1.png": "2", "2.png": "2", "3.png": "4"}
    read = layout(SEVERAL, multi_label="first")
    assert has_note(read, r"1 of 3 pictures with several labels .* first is kept .*3\.png \(4, 1\)")
    assert has_note(read, "1 picture with one label in several rows of t.csv: 2.png")
    assert has_note(read, "classes that then have no picture are left out: 1")


def test_pictures_with_several_labels_are_left_out():
    assert classes(SEVERAL, multi_label="drop") == {"1.png": "2", "2.png": "2"}
    assert has_note(layout(SEVERAL, multi_label="drop"), "no picture are left out: 1, 4")
    with pytest.raises(UserError, match="none is left"):
        layout("1.png 0\n1.png 1", multi_label="drop")
    with pytest.raises(UserError, match="value of --multi-label"):
        layout(SEVERAL, multi_label="all")


def test_labels_of_one_name_are_one_label():
    assert classes(SEVERAL, class_names="4=a,1=a")["3.png"] == "a"


def test_names_for_labels():
    assert classes("1.png 0\n2.png 1", class_names="0=background,1=crack") == {
        "1.png": "background",
        "2.png": "crack",
    }


def test_groups():
    read = layout("file,label,plate\n1.png,x,7\n2.png,y,7\n3.png,y,8\n4.png,x,\n")
    assert read.groups is not None
    assert read.groups[0] == read.groups[1]
    assert len(set(read.groups)) == 3
    assert read.group_by == "plate of t.csv"
    assert has_note(read, "1 picture without a group, now one each: 4.png")


def test_groups_that_part_nothing():
    read = layout("file,label,lot\n1.png,x,7\n2.png,y,7\n")
    assert (read.groups, read.group_by) == (None, "")
    assert has_note(read, "lot of t.csv holds one group and is not used")
    assert has_note(layout("file,label,lot\n1.png,x,7\n2.png,y,8\n"), "group of its own")


def test_a_picture_in_two_groups():
    text = "file,label,lot\n1.png,x,7\n1.png,x,8\n2.png,x,8\n"
    with pytest.raises(UserError, match=r"1\.png into the groups 7, 8"):
        layout(text)
    assert layout(text, columns="group=").groups is None


def test_boxes_of_the_class_of_a_picture():
    text = (
        "file,label,x1,y1,x2,y2\n"
        "1.png,x,9,1,3,4\n1.png,x,0,0,2,2\n1.png,y,5,5,6,6\n2.png,y,1,1,1,9\n"
    )
    read = layout(text, multi_label="first")
    assert read.boxes == (((3, 1, 9, 4), (0, 0, 2, 2)), ())
    assert has_note(read, "1 box of t.csv with swapped corners, put right: line 2")
    assert has_note(read, "1 box of t.csv left out, without area: line 5")


def test_other_files_of_the_folder_are_no_pictures():
    read = label_layout(["1.png", "t.csv", "2.heic"], b"1.png a\n2.heic b", "t.csv")
    assert read.files == ("1.png",)
    assert has_note(read, "1 path of t.csv without a picture: 2.heic")
    assert not has_note(read, "without a row")


def test_labels_that_are_spelled_alike():
    assert has_note(layout("1.png,Dent\n2.png,dent"), "'Dent' and 'dent'.*--class-names")
