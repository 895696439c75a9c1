"""Archives of every kind: read alike, or refused in one line that says what they are and what to do."""

import contextlib
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.folder import Folder

from fewshot_bench import FileTree, UserError
from fewshot_bench.data import archives
from tests.helpers.files import archive, classes, picture

pytestmark = pytest.mark.usefixtures("empty_cache")


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def folder(path: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(lambda path: tar(path / "d.tar", classes()), id="tar"),
        pytest.param(lambda path: tar(path / "d.tar.gz", classes(), "w:gz"), id="tar.gz"),
        pytest.param(lambda path: tar(path / "d.txz", classes(), "w:xz"), id="tar.xz"),
        pytest.param(lambda path: tar(path / "d.tbz", classes(), "w:bz2"), id="tar.bz2"),
        pytest.param(
            lambda path: archive(path / "d.zip", {"in.zip": zipped(classes()), "READ.md": b"-"}),
            id="a zip in a zip",
        ),
        pytest.param(
            lambda path: tar(path / "d.tar.gz", {"in.ZIP": zipped(classes())}, "w:gz"),
            id="a zip in a tar",
        ),
    ],
)
def test_every_archive_gives_the_same_images(tmp_path: Path, packed: Callable[[Path], Path]):
    expected = Folder().load(archive(tmp_path / "plain.zip", classes()))
    data = Folder().load(packed(tmp_path))
    assert data.digest == expected.digest


def test_zips_in_a_zip_are_folders_of_it_and_told(tmp_path: Path):
    inner = {f"{name}.zip": zipped({"1.png": picture(1), "2.png": picture(2)}) for name in "ab"}
    with FileTree(archive(tmp_path / "d.zip", inner)) as tree:
        assert tree.files == ("a/1.png", "a/2.png", "b/1.png", "b/2.png")
        assert tree.read("b/1.png") == picture(1)
        assert tree.notes == [f"{name}.zip in d.zip is read as a folder" for name in "ab"]
    beside = classes() | {"annotations.zip": inner["a.zip"]}
    with FileTree(archive(tmp_path / "beside.zip", beside)) as tree:
        assert "annotations.zip" in tree.files
        assert tree.notes == []


def test_zips_deeper_than_one_level_and_archives_of_other_kinds_are_refused(tmp_path: Path):
    deep = zipped({"in.zip": zipped(classes())})
    with pytest.raises(UserError, match=r"d\.zip: mid\.zip holds archives again; unpack it"):
        FileTree(archive(tmp_path / "d.zip", {"mid.zip": deep}))
    with pytest.raises(UserError, match=r"e\.zip: x\.rar is an archive in an archive; unpack it"):
        FileTree(archive(tmp_path / "e.zip", {"x.rar": b"Rar!"}))
    with pytest.raises(UserError, match=r"f\.zip: x\.zip is not a whole zip"):
        FileTree(archive(tmp_path / "f.zip", {"x.zip": deep[:-30]}))
    place = folder(tmp_path / "g", {"NEU-CLS.zip": deep, "notes.txt": b""})
    with pytest.raises(UserError, match=r"holds archives and no pictures \(NEU-CLS\.zip\); name"):
        FileTree(place)


def with_flag(content: bytes, *, at_method: bool) -> bytes:
    """The zip, said to be packed with Deflate64 or with a password."""
    changed = bytearray(content)
    for signature, method in ((b"PK\1\2", 10), (b"PK\3\4", 8)):
        start = -1
        while (start := changed.find(signature, start + 1)) >= 0:
            if at_method:
                struct.pack_into("<H", changed, start + method, 9)
            else:
                changed[start + method - 2] |= 1
    return bytes(changed)


KINDS = {
    "x.rar": (b"Rar!\x1a\x07\x01\0", r"a RAR archive, which cannot be read here; unpack it"),
    "x.7z": (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    "x.zip.001": (b"PK\3\4", "one part of a split archive; join the parts"),
    "LSWMD.pkl": (b"\x80\x04\x95", "a pickle, and reading one can run any code"),
    "old.pkl": (b"(dp0\n", "a pickle"),
    "x.png": (b"\x89PNG\r\n", "one picture; name the folder"),
    "x.tar.gz": (b"\x1f\x8b\x08", "neither a folder nor a whole zip or tar"),
    "x.xz": (lzma.compress(bytes(1000)), "packed with xz, and no tar is in it"),
    "x.zst": (b"\x28\xb5\x2f\xfd", "packed with Zstandard"),
    "x.zip": (b"  <!DOCTYPE html><html>", "a web page and not the data; download the file"),
    "data.zip": (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs .*; run git lfs pull"),
    "nothing.zip": (b"", "is empty"),
    "short.zip": (b"PK\3\4 and so on", r"neither a folder nor a whole zip .*copy it again"),
    "x.bin": (b"something", r"neither a folder nor a whole zip"),
    "deflate64.zip": (with_flag(zipped(classes()), at_method=True), "with Deflate64, .*unpack it"),
    "password.zip": (with_flag(zipped(classes()), at_method=False), "a password for 16 of 16"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_cannot_be_read_is_called_what_it_is(tmp_path: Path, name: str):
    content, message = KINDS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        FileTree(tmp_path / name)
    assert str(error.value).startswith(str(tmp_path / name))
    assert "object at" not in str(error.value)


def test_pointers_of_git_lfs_are_counted(tmp_path: Path):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
    members = classes() | {"c0/1.png": pointer, "c1/2.png": pointer}
    for path in (archive(tmp_path / "d.zip", members), folder(tmp_path / "d", members)):
        with pytest.raises(
            UserError, match=r"2 of 16 files, such as c0/1\.png, are pointers of gi"
        ):
            Folder().load(path)


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path):
    path = tar(tmp_path / "d.tar", classes() | {"z.zip": zipped({"a.txt": b"a"})})
    with FileTree(path) as tree:
        assert "c0/1.png" in tree.files


def test_links_and_devices_of_a_tar_are_left_out_and_counted(tmp_path: Path):
    path = tar(tmp_path / "d.tar", classes())
    with tarfile.open(path, "a") as packed:
        for kind, target in (
            (tarfile.SYMTYPE, "/etc/passwd"),
            (tarfile.CHRTYPE, ""),
            (tarfile.LNKTYPE, "c0/1.png"),
            (tarfile.LNKTYPE, "nowhere"),
        ):
            info = tarfile.TarInfo(f"c0/link{target.replace('/', '-')}.png")
            info.type = kind
            info.linkname = target
            packed.addfile(info)
    with FileTree(path) as tree:
        assert tree.notes == ["2 links or devices in the tar were left out"]
        assert tree.read("c0/linkc0-1.png.png") == tree.read("c0/1.png")
        with pytest.raises(UserError, match=r"c0/linknowhere\.png cannot be read"):
            tree.read("c0/linknowhere.png")


def test_names_in_a_tar_lead_nowhere(tmp_path: Path):
    path = tar(tmp_path / "d.tar", {"../../up/1.png": b"a", "/abs/1.png": b"b"})
    with FileTree(path) as tree:
        assert tree.files == ("/abs/1.png",)
        assert tree.read("/abs/1.png") == b"b"
    assert [found.name for found in tmp_path.iterdir()] == ["d.tar"]


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_tar_that_unpacks_to_more_than_the_bound_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
):
    monkeypatch.setattr(archives, "ALWAYS_UNPACKED", 100_000)
    path = tar(tmp_path / "bomb.tar.gz", classes() | {"c0/bomb.png": bytes(50_000_000)}, mode)
    with pytest.raises(UserError, match="it unpacks to more than"):
        FileTree(path)
    monkeypatch.setattr(archives, "MOST_TIMES", 2)
    inner = archive(tmp_path / "d.zip", {"in.zip": bytes(5_000_000)}, compression=8)
    with pytest.raises(UserError, match="it unpacks to more than"):
        FileTree(inner)


def test_more_files_than_the_bound_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    with pytest.raises(UserError, match=r"holds 16 files \(allowed: 10\); split it"):
        FileTree(archive(tmp_path / "d.zip", classes()))


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_damaged_tar_is_one_line(tmp_path: Path, mode: str):
    whole = tar(tmp_path / "d.tar", classes(), mode).read_bytes()
    rng = np.random.default_rng(0)
    for number in range(40):
        content = bytearray(whole)
        at = int(rng.integers(len(content)))
        if number % 2:
            del content[at:]
        else:
            content[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "d.tar").write_bytes(content)
        with contextlib.suppress(UserError):  # it is always one line
            Folder().load(tmp_path / "d.tar")


def test_a_file_that_is_twice_in_a_zip_counts_once(tmp_path: Path):
    path = archive(tmp_path / "d.zip", classes())
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as packed,
    ):
        packed.writestr("c0/1.png", picture(99))
    with FileTree(path) as tree:
        assert len(tree.files) == 16
        assert tree.read("c0/1.png") == picture(99)
        assert tree.notes == ["1 files are there in a newer version too, which is read"]


def test_a_packed_tar_is_unpacked_once_to_be_recognised_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    unpacked = archives.unpacked
    times = []

    def count(*arguments: object) -> object:
        times.append(arguments)
        return unpacked(*arguments)

    monkeypatch.setattr(archives, "unpacked", count)
    path = tar(tmp_path / "d.tar.gz", classes(), "w:gz")
    with FileTree(path) as tree:
        files = tree.files
    with FileTree(path) as tree, FileTree(path) as other:
        assert tree.files == other.files == files
        assert [tree.read(file) for file in files] == [other.read(file) for file in files]
    assert len(times) == 2  # the third was opened beside the second
    tar(path, classes(each=5), "w:gz")
    with FileTree(path) as tree:
        assert len(tree.files) > len(files)
