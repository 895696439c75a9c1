"""Tables of text: separators, encodings, and lines that do not fit."""

import pytest

from fewshot_bench.data.images import is_image
from fewshot_bench.data.label_rows import label_rows, label_text
from fewshot_bench.errors import UserError


def rows(text: str, **chosen: str):
    return label_rows(text, "t.csv", chosen, is_image)


def pairs(text: str) -> list[tuple[str, str]]:
    return [(row.path, row.label) for row in rows(text).rows]


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na b.png,0.33\nc.png,1\n",
        "path;label\r\na b.png;0.33\r\nc.png;1\r\n",
        "path\tlabel\na b.png\t0.33\nc.png\t1",
        "path|label\na b.png|0.33\nc.png|1",
        '"path", "label"\n"a b.png", "0.33"\n\n"c.png", "1"\n\n',
        'path  label\n"a b.png"   0.33\n  c.png \t 1 ',
        "path,label\ra b.png,0.33\rc.png,1\r",
    ],
)
def test_separators_and_quotes(text: str):
    assert pairs(text) == [("a b.png", "0.33"), ("c.png", "1")]


def test_numbers_stay_as_they_are_written():
    assert pairs("a.png 0.3333333333333333 mono\nb.png 007 mono") == [
        ("a.png", "0.3333333333333333"),
        ("b.png", "007"),
    ]


def test_a_decimal_comma_between_white_space_parts_nothing():
    assert pairs("a.png 0,33 mono\nb.png 0,67 poly") == [("a.png", "0,33"), ("b.png", "0,67")]


def test_a_long_cell_with_separators():
    mask = "1 2 " * 50_000
    assert pairs(f"ImageId,ClassId,EncodedPixels\na.jpg,3,{mask}\n") == [("a.jpg", "3")]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("file,label\n1.png,划痕\n".encode("gbk"), "GBK"),
        ("file,label\n1.png,划痕\n".encode("utf-16"), "UTF-16"),
        ("file,label\n1.png,划痕\n".encode(), ""),
        ("file,label\n1.png,划痕\n".encode("utf-8-sig"), ""),
    ],
)
def test_encodings_are_told(content: bytes, note: str):
    text, notes = label_text(content, "t.csv")
    assert pairs(text) == [("1.png", "划痕")]
    assert notes == ([f"t.csv is not in UTF-8 and is read as {note}"] if note else [])


def test_utf_8_is_read_whatever_encoding_archives_have(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FEWSHOT_BENCH_ENCODING", "gbk")
    assert label_text("1.png 划痕".encode(), "t.csv") == ("1.png 划痕", [])


def test_what_is_read_and_not_read_is_told():
    read = rows("file,class,split,points\na.png,x,train,1\nb.png,,train,2\nc.png,y,test,3\n")
    assert len(read.rows) == 2
    columns, without, split = read.notes
    assert columns.startswith("labels come from t.csv: file is the path, class is the label")
    assert "points is not read" in columns
    assert without == "1 row of t.csv left out, without a path or label: b.png"
    assert "(train 1, test 1)" in split


def test_a_value_of_several_lines_is_told():
    read = rows('file,label,remark\na.png,x,"one\ntwo"\nb.png,y,\n')
    assert len(read.rows) == 2
    assert read.notes[1] == "1 row of t.csv on several lines, to line 3"


def test_boxes_by_corners_and_by_width():
    (row,) = rows("file,label,x1,x2,y1,y2\na.png,x,1,3,2,4.5").rows
    assert row.box == (1, 2, 3, 4.5)
    (row,) = rows("file,label,x,y,w,h\na.png,x,1,2,3,4").rows
    assert row.box == (1, 2, 4, 6)
    assert rows("file,label,x1,x2,y1,y2\na.png,x,,,,").rows[0].box is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a.png\nb.png", "has one column"),
        ("a.png,x\nb.png,y\nc.png,y,z", "line 3 has 3 values and most have 2"),
        ('file,label\na.png,"x\nb.png,y\nc.png,y', "ends in line 4 takes several lines"),
        ("file,label\n", "no row with a path and a label"),
        ("file,label,x,y,w,h\na.png,x,1,2,3,four", "line 2 has the box 1, 2, 3, four"),
        ("file,label,x,y,w,h\na.png,x,1,2,3,nan", "no four numbers"),
    ],
)
def test_what_cannot_be_read(text: str, message: str):
    with pytest.raises(UserError, match=message):
        rows(text)


def test_a_spreadsheet_is_no_text():
    with pytest.raises(UserError, match=r"save the table as \.csv"):
        label_text(b"PK\x03\x04\x00\x00rest", "t.xlsx")


def test_long_outlines_are_not_searched_for_pictures():
    looked = []

    def is_picture(text: str) -> bool:
        looked.append(text)
        return text.endswith(".png")

    outline = str([[2, 4]] * 5_000)
    lines = ["path,label,points", *(f'{number}.png,dent,"{outline}"' for number in range(5))]
    rows = label_rows("\n".join(lines), "t.csv", {}, is_picture).rows
    assert [row.path for row in rows] == [f"{number}.png" for number in range(5)]
    assert len(looked) < 10_000
