"""The names of files as users see them, whatever system wrote them."""

import os
import unicodedata
import zipfile
from pathlib import Path

import pytest
from fewshot_bench.plugins.episodes.folder import Folder

from fewshot_bench import FileTree
from fewshot_bench.data.names import readable_names, without_clashes
from tests.helpers.files import picture

pytestmark = pytest.mark.usefixtures("empty_cache")
NFC = "Rayé"
NFD = unicodedata.normalize("NFD", NFC)


class RawName(zipfile.ZipInfo):
    """A member whose name stands in the zip in another encoding, which the zip does not say."""

    encoding = "gbk"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode(self.encoding), self.flag_bits & ~0x800


def legacy_zip(path: Path, names: list[str], encoding: str) -> Path:
    RawName.encoding = encoding
    with zipfile.ZipFile(path, "w") as packed:
        for seed, name in enumerate(names):
            packed.writestr(RawName(name), picture(seed))
    return path


@pytest.mark.parametrize(
    ("encoding", "called", "classes"),
    [
        ("gbk", "GBK", ("划痕", "夹杂")),
        ("cp932", "Shift-JIS", ("キズ", "汚れ")),
        ("cp437", "cp437", ("Beschädigung", "Kratzer")),
        ("utf-8", "", ("Beschädigung", "划痕")),
    ],
)
def test_class_names_of_zips_that_do_not_say_their_encoding(
    tmp_path: Path, encoding: str, called: str, classes: tuple[str, ...]
):
    names = [f"{name}/{number}.png" for name in classes for number in range(2)]
    data = Folder().load(legacy_zip(tmp_path / "d.zip", names, encoding))
    assert data.class_names == tuple(sorted(classes))
    told = [note for note in data.notes if f"are read as {called}" in note]
    assert bool(told) == bool(called)


def test_class_names_of_folders_in_another_encoding(tmp_path: Path):
    plain = {}
    for name in ("dent", "划痕", "Rayé"):
        folder = tmp_path / "d" / os.fsdecode(name.encode("gbk" if name == "划痕" else "utf-8"))
        folder.mkdir(parents=True)
        for number in range(2):
            content = picture(len(plain))
            (folder / f"{number}.png").write_bytes(content)
            plain[f"{name}/{number}.png"] = content
    (tmp_path / "d" / os.fsdecode(b"\xcb\xb5\xc3\xf7.txt")).write_bytes(b"a note")
    with FileTree(tmp_path / "d") as tree:
        assert set(tree.files) == {*plain, "说明.txt"}
        assert all(tree.read(name) == content for name, content in plain.items())
        assert tree.notes[0].startswith("3 names do not say their encoding and are read as GBK")
        assert tree.content_digest()


def test_backslashes_are_folders_in_an_archive_and_letters_in_a_folder(tmp_path: Path):
    path = tmp_path / "d.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("set\\", b"")
        for number, name in enumerate("ab"):
            packed.writestr(f"set\\{name}\\1.png", picture(number))
    data = Folder().load(path)
    assert data.class_names == ("a", "b")
    assert "2 names have backslashes, which are read as /" in data.notes
    (tmp_path / "d" / "x").mkdir(parents=True)
    (tmp_path / "d" / "x" / "a\\1.png").write_bytes(picture(1))
    with FileTree(tmp_path / "d") as tree:
        assert tree.files == ("x/a\\1.png",)


def test_composed_and_decomposed_letters_are_one_class(tmp_path: Path):
    for number, name in enumerate((NFC, NFD, "dent")):
        folder = tmp_path / "d" / name
        folder.mkdir(parents=True)
        (folder / "1.png").write_bytes(picture(number))
    data = Folder().load(tmp_path / "d")
    assert data.class_names == (NFC, "dent")
    assert data.files == (f"{NFC}/1.png", f"{NFC}/1~2.png", "dent/1.png")
    assert "1 names are read in composed form (NFC)" in data.notes
    assert any(f"first {NFC}/1~2.png" in note for note in data.notes)


def test_spaces_at_the_ends_are_not_part_of_a_class(tmp_path: Path):
    for number, name in enumerate(("dent", "dent ", " oil spot")):
        folder = tmp_path / "d" / name
        folder.mkdir(parents=True)
        (folder / f"{number}.png").write_bytes(picture(number))
    data = Folder().load(tmp_path / "d")
    assert data.class_names == ("dent", "oil spot")
    assert "2 names are read without the spaces at the ends of their parts" in data.notes


def test_plain_names_stay_as_they_are():
    names = ["a/b.png", "划痕/1 2.png", NFC, " /x"]
    assert readable_names(names, backslashes=True) == (names, [])
    assert without_clashes(names) == (names, [])


def test_a_number_is_given_that_no_other_file_has():
    names = ["a/b.png", "a/b.png", "a/b~2.png", "a/b.png"]
    unique, notes = without_clashes(names)
    assert unique == ["a/b.png", "a/b~3.png", "a/b~2.png", "a/b~4.png"]
    assert notes == ["2 files have the name of another one and got a number, first a/b~3.png"]
