"""Boxes and names of objects from Pascal VOC annotations; what cannot be read is counted."""

from pathlib import Path

from fewshot_bench import AnnotatedBox, FileTree, annotated_boxes

OBJECT = "<object><name> {} </name><bndbox><xmin>{}</xmin><ymin>1</ymin><xmax>{}</xmax><ymax>4.5</ymax></bndbox></object>"


def test_annotations_are_found_by_their_stems(tmp_path: Path):
    (tmp_path / "xml").mkdir()
    both = OBJECT.format("hole", 2, 9) + OBJECT.format("dent", 7, 3)
    (tmp_path / "xml" / "a.xml").write_text(f"<annotation>{both}</annotation>")
    (tmp_path / "xml" / "b.xml").write_text("<annotation><obj")
    number = OBJECT.format("hole", "nan", 9)
    (tmp_path / "xml" / "c.xml").write_text(f"<annotation>{number}</annotation>")
    with FileTree(tmp_path) as tree:
        found = annotated_boxes(tree, ["one/a.jpg", "two/a.jpg", "b.jpg", "c.jpg", "d.jpg"])
    assert found is not None
    boxes, notes = found
    of_a = (AnnotatedBox("hole", (2, 1, 9, 4.5)), AnnotatedBox("dent", (3, 1, 7, 4.5)))
    assert boxes == [of_a, of_a, (), (), ()]
    assert notes[0].startswith(
        "3 images have no annotation that can be read, and so no boxes, first b.jpg: "
    )
    assert notes[1] == "2 boxes had their corners swapped, and were put right"


def test_without_annotations_there_are_no_boxes(tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with FileTree(tmp_path) as tree:
        assert annotated_boxes(tree, ["a.jpg"]) is None
