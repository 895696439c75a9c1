"""Links are followed once, out of the folder only with a note; folders of systems are none."""

from pathlib import Path

import pytest

from fewshot_bench.data.walk import counted, is_shown, some, walk


def file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("content")
    return path


def test_linked_folders_and_files_are_followed_and_told(tmp_path: Path):
    file(tmp_path / "elsewhere" / "rust" / "1.png")
    file(tmp_path / "elsewhere" / "2.png")
    file(tmp_path / "set" / "dent" / "1.png")
    (tmp_path / "set" / "rust").symlink_to(tmp_path / "elsewhere" / "rust")
    (tmp_path / "set" / "dent" / "2.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    found = walk(tmp_path / "set")
    assert sorted(found.files) == ["dent/1.png", "dent/2.png", "rust/1.png"]
    assert found.notes == ["links lead out of the folder and were followed: dent/2.png, rust"]


def test_links_inside_the_folder_need_no_note(tmp_path: Path):
    file(tmp_path / ".store" / "dent" / "1.png")
    (tmp_path / "dent").symlink_to(tmp_path / ".store" / "dent")
    found = walk(tmp_path)
    assert found.files == ["dent/1.png"]
    assert found.notes == []


def test_circles_end_and_no_folder_is_read_twice(tmp_path: Path):
    root = tmp_path / "set"
    file(root / "dent" / "1.png")
    (root / "alias").symlink_to(root / "dent")
    (root / "dent" / "up").symlink_to(root)
    (root / "dent" / "above").symlink_to(tmp_path)
    (root / "dent" / "self").symlink_to("self")
    file(tmp_path / "other" / "2.png")
    (tmp_path / "other" / "back").symlink_to(tmp_path / "other")
    (root / "other").symlink_to(tmp_path / "other")
    found = walk(root)
    assert sorted(found.files) == ["dent/1.png", "other/2.png"]
    assert found.repeated == ["alias", "dent/above", "dent/up", "other/back"]
    assert found.broken == ["dent/self"]
    assert len(found.notes) == 3


def test_many_links_to_each_other_do_not_multiply(tmp_path: Path):
    for number in range(40):
        folder = tmp_path / "real" / str(number)
        file(folder / "1.png")
        for name in ("a", "b"):
            (folder / name).symlink_to(tmp_path / "real" / str(number + 1))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "first").symlink_to(tmp_path / "real" / "0")
    assert len(walk(tmp_path / "set").files) == 40


@pytest.mark.parametrize("name", ["@eaDir", "$RECYCLE.BIN", "lost+found", "__MACOSX", ".@__thumb"])
def test_folders_of_systems_are_none(tmp_path: Path, name: str):
    file(tmp_path / name / "1.png")
    assert walk(tmp_path).files == []
    assert not is_shown(f"a/{name}/1.png")


def test_empty_folders_are_listed(tmp_path: Path):
    (tmp_path / "dent" / "empty").mkdir(parents=True)
    file(tmp_path / "hidden" / ".nothing")
    assert sorted(walk(tmp_path).empty) == ["dent/empty", "hidden"]


def test_some():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_counted():
    assert counted(1, "image is", "images are") == "1 image is"
    assert counted(2000, "image is", "images are") == "2,000 images are"
