"""The class is the folder level that varies; what is left out or merged is told."""

from pathlib import Path

import pytest

from fewshot_bench import FileTree, UserError, alike_notes, class_layout
from tests.helpers.files import picture


def tree_of(root: Path, *names: str) -> Path:
    """A folder of different pictures (or, with another suffix, of text) with these names."""
    for seed, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        is_picture = name.endswith(".png")
        (root / name).write_bytes(picture(seed) if is_picture else b"text")
    return root


def layout_of(path: Path, **options: object):
    with FileTree(path) as tree:
        return class_layout(tree, **options)


# layout -> (files, the class of each)
LAYOUTS = {
    "plain": (["dent/0.png", "rust/0.png"], ["dent", "rust"]),
    "below folders with one name": (["X/datas/red iron/0.png", "X/datas/ash/0.png"], ["ash", "red iron"]),
    "parts above": (["test/crack/0.png", "train/good/0.png"], ["crack", "good"]),
    "parts below": (["Class1/Train/0.png", "Class1/Test/0.png", "Class2/Test/0.png"], ["Class1", "Class1", "Class2"]),
    "containers below": (["MT_Break/Imgs/0.png", "MT_Fray/Imgs/0.png"], ["MT_Break", "MT_Fray"]),
    "containers of any name": (["break/x7/0.png", "fray/x7/0.png"], ["break", "fray"]),
    "joined names of parts": (["dent/train_images/0.png", "rust/val2017/0.png"], ["dent", "rust"]),
    "numbers": (["1/0.png", "2/0.png", "lable/0.xml"], ["1", "2"]),
    "classes with names of parts beside others": (["bus/0.png", "train/0.png"], ["bus", "train"]),
    "two levels that part alike": (["a1/Images/b1/0.png", "a2/Images/b2/0.png"], ["b1", "b2"]),
    "one class": (["dent/0.png"], ["dent"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_class_is_the_level_that_varies(tmp_path: Path, name: str):
    files, classes = LAYOUTS[name]
    layout = layout_of(tree_of(tmp_path, *files))
    assert sorted(layout.classes) == classes
    for file, class_name in zip(layout.files, layout.classes, strict=True):
        assert class_name in file.split("/")


TWO_LEVELS = ("bottle/bent/0.png", "bottle/good/0.png", "cable/bent/0.png")


def test_two_levels_that_could_be_meant_are_both_shown(tmp_path: Path):
    path = tree_of(tmp_path, *TWO_LEVELS)
    with pytest.raises(UserError) as error:
        layout_of(path)
    assert "--class-level 1: 2 classes, bottle, cable; " in str(error.value)
    assert "--class-level 2: 2 classes, bent, good" in str(error.value)
    assert layout_of(path, class_level=1).class_names == ["bottle", "cable"]
    by_second = layout_of(path, class_level=2)
    assert by_second.class_names == ["bent", "good"]
    assert by_second.labels == [0, 1, 0]
    with pytest.raises(UserError, match=r"class_level=3 is out of bounds \(allowed: 1 to 2"):
        layout_of(path, class_level=3)


def test_a_folder_with_fewer_levels_is_its_last_one(tmp_path: Path):
    path = tree_of(tmp_path, "good/0.png", "bad/dent/0.png", "bad/rust/0.png")
    with pytest.raises(UserError, match=r"2 classes, bad, good; .* 3 classes, dent, good, rust"):
        layout_of(path)
    assert layout_of(path, class_level=2).class_names == ["dent", "good", "rust"]


def test_parts_alone_are_no_classes(tmp_path: Path):
    path = tree_of(tmp_path, "train/0.png", "test/0.png")
    with pytest.raises(
        UserError, match=r"parts of a data set and not like classes \(test, train\)"
    ):
        layout_of(path)
    assert layout_of(path, class_level=1).class_names == ["test", "train"]


def test_what_is_not_read_or_merged_is_told(tmp_path: Path):
    path = tree_of(tmp_path, "train/dent/0.png", "val/dent/0.png", "val/rust/0.png")
    (path / "train" / "nothing").mkdir()
    tree_of(path, "overview.png", "val/photo/0.heic", "val/photo/1.heic", "val/rust/0.json")
    layout = layout_of(path)
    assert layout.class_names == ["dent", "rust"]
    assert layout.notes == (
        "1 picture is left out, in no class folder: overview.png",
        "3 folders are read as 2 classes; train, val above or below a class are not told apart",
        "files that are not read: 2 .heic, 1 .json; save .heic as .png or .jpg to have them read",
        "folders without a picture that can be read are no classes: train/nothing (empty), "
        "val/photo (2 .heic)",
    )


def test_a_folder_without_readable_pictures_says_what_it_holds(tmp_path: Path):
    with pytest.raises(UserError, match=r"no image in a class folder, but 2 \.heic; expected"):
        layout_of(tree_of(tmp_path, "dent/0.heic", "rust/0.heic"))


def test_masks_are_left_out_or_kept(tmp_path: Path):
    path = tree_of(tmp_path, "test/bent/0.png", "test/good/0.png", "ground_truth/bent/0_mask.png")
    layout = layout_of(path)
    assert layout.files == ("test/bent/0.png", "test/good/0.png")
    assert "ground_truth/bent/0_mask.png; --keep-masks reads them" in layout.notes[0]
    assert len(layout_of(path, keep_masks=True, class_level=2).files) == 3


def test_classes_spelled_in_two_ways_are_told():
    (note,) = alike_notes(["Dent", "dent", "oil_spot", "oil spot", "hole", "holes", "rust"])
    assert "'Dent' and 'dent', 'hole' and 'holes', 'oil spot' and 'oil_spot'" in note
    assert alike_notes(["1", "10", "dent", "rust", "划痕", "夹杂"]) == []
