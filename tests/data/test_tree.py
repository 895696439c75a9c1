"""A folder and a zip are read in the same way, and what fails on damaged files names the file."""

import zipfile
from pathlib import Path

import pytest

from fewshot_bench import FileTree, UserError, natural_order


@pytest.fixture(params=["folder", "zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Four files, two of them hidden, in a folder or a zip."""
    files = ("a/10.png", "a/2.png", "a/.hidden", "__MACOSX/a/2.png")
    if request.param == "zip":
        path = tmp_path / "files.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.writestr(file, f"content of {file}")
        return path
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"content of {file}")
    return tmp_path


def test_files_are_listed_in_natural_order_without_hidden_ones(path: Path):
    with FileTree(path) as tree:
        assert tree.files == ("a/2.png", "a/10.png")
        assert tree.read("a/2.png") == b"content of a/2.png"
        with tree.open("a/10.png") as stream:
            assert stream.read() == b"content of a/10.png"


def test_a_file_that_cannot_be_read_is_named(path: Path):
    with FileTree(path) as tree:
        with pytest.raises(UserError, match=r"b/1\.png cannot be read .*copy it again"):
            tree.read("b/1.png")
        with pytest.raises(UserError, match=r"b/1\.png cannot be read .*copy it again"):
            tree.open("b/1.png")
        damaged = pytest.raises(UserError, match=r"a/2\.png cannot be read \(it is cut off\)")
        with damaged, tree.reading("a/2.png"):
            raise ValueError("it is cut off")


def test_natural_order():
    assert sorted(["b1", "a10", "a9", "a"], key=natural_order) == ["a", "a9", "a10", "b1"]
