"""Which column is the path and which the label: names, values, and a user's choice."""

import pytest

from fewshot_bench.data.images import is_image
from fewshot_bench.data.label_columns import chosen_columns
from fewshot_bench.errors import UserError


def columns(*lines: str, **chosen: str):
    rows = [line.split(",") for line in lines]
    return chosen_columns("t.csv", rows, chosen, is_image)


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        ("ImageId,ClassId,EncodedPixels", {"path": 0, "label": 1}),
        ("Image Path,defect_type,set", {"path": 0, "label": 1, "split": 2}),
        ("label,file_name,plate", {"label": 0, "path": 1, "group": 2}),
        (",filename,class", {"path": 1, "label": 2}),
    ],
)
def test_usual_names(names: str, roles: dict[str, int]):
    found = columns(names, "1.png,2,3")
    assert found.has_names
    assert dict(found.positions) == roles


@pytest.mark.parametrize(
    ("names", "ends"),
    [
        ("img_rel_path,x1,x2,y1,y2,label", {"xmax": 2, "ymax": 4}),
        ("filename,xmin,ymin,xmax,ymax,class", {"xmax": 3, "ymax": 4}),
        ("filename,x,y,w,h,class", {"width": 3, "height": 4}),
    ],
)
def test_boxes(names: str, ends: dict[str, int]):
    positions = columns(names, "1.png,2,3,4,5,6").positions
    assert {
        role: at for role, at in positions.items() if role in ("xmax", "ymax", "width", "height")
    } == ends


def test_width_and_height_of_the_picture_are_no_box():
    found = columns("filename,width,height,class,xmin,ymin,xmax,ymax", "a.png,9,9,c,1,1,2,2")
    assert "width" not in found.positions
    assert found.unread() == ["width", "height"]
    assert "xmin" not in columns("filename,width,height,class", "a.png,9,9,c").positions


def test_a_list_without_names():
    found = columns("a.png,0.33,mono", "b.png,1.0,poly")
    assert not found.has_names
    assert (found.name("path"), found.name("label")) == ("column 1", "column 2")
    assert found.unread() == ["column 3"]
    assert columns("0,a.png", "1,b.png").positions == {"path": 1, "label": 0}


def test_names_of_which_none_is_known():
    found = columns("foto,klasse", "a.png,x", "b.png,y")
    assert found.has_names
    assert found.positions == {"path": 0, "label": 1}


def test_a_choice_by_name_by_number_and_against_a_column():
    lines = ("file,kind,plate", "a.png,x,1", "b.png,y,2")
    assert columns(*lines, label="kind", group="").positions == {"label": 1, "path": 0}
    assert columns(*lines, label="3").positions == {"label": 2, "path": 0}
    assert columns("a.png,x,1", "b.png,y,2", label="3").positions == {"label": 2, "path": 0}


def test_a_column_of_file_names_goes_before_one_of_stems():
    found = chosen_columns("t", [("1", "1.png"), ("0", "0.png")], {}, lambda text: True)
    assert found.positions == {"path": 1, "label": 0}


@pytest.mark.parametrize(
    ("lines", "chosen", "message"),
    [
        (
            ("file,class,class_name", "a.png,0,x"),
            {},
            "'class' and 'class_name' may both be the label",
        ),
        (("file,a,b", "a.png,0,x"), {}, r"no column is known to hold the label \(its first row is"),
        (("a,b", "c,d"), {}, "no column is known to hold the path"),
        (("file,image,label", "a.png,b.png,x"), {}, "'file' and 'image' may both be the path"),
        (("file,label", "a.png,x"), {"label": "kind"}, "has no such column"),
        (("file,label", "a.png,x"), {"label": "3"}, "has no such column"),
        (("file,label", "a.png,x"), {"name": "3"}, "unknown column of --label-columns"),
        (
            ("file,label", "a.png,x"),
            {"label": "1", "path": "file"},
            "is one column of t.csv for both",
        ),
        (("file,label,a", "a.png,x,1"), {"xmin": "a"}, "not the whole box"),
    ],
)
def test_what_is_not_clear_is_an_error(lines, chosen, message: str):
    with pytest.raises(UserError, match=message):
        columns(*lines, **chosen)
