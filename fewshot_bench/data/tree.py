"""The files of a folder or a zip."""

from __future__ import annotations

import contextlib
import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from fewshot_bench.data.walk import is_shown, walk
from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED

__all__ = ["FileTree", "natural_order"]

MOST_BYTES = 2**28  # of one image or annotation, unpacked


class FileTree:
    """The files of a folder or a zip. A zip is read without unpacking it.

    files: their names relative to the folder or the zip, with `/`, in natural order (2 before 10);
    hidden files and folders of systems (`__MACOSX`, `@eaDir`, `lost+found`) are left out;
    empty_folders: folders that hold nothing; notes: what a user should know of how it was listed.
    Linked folders are followed, see `walk`.
    Use it in a `with` statement. Raises `UserError` if the path does not exist or cannot be read,
    or if a file is not a zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        self.empty_folders: Sequence[str] = ()
        self.notes: Sequence[str] = ()
        if path.is_dir():
            found = walk(path)
            names = found.files
            self.empty_folders = found.empty
            self.notes = found.notes
        elif path.is_file():
            self._zip = _open_zip(path)
            names = self._zip.namelist()
            self.empty_folders = _empty_folders(names)
        else:
            raise UserError(f"{path} does not exist; name a folder or a zip of images")
        shown = filter(_is_shown, names)
        self.files = tuple(sorted(shown, key=natural_order))

    def read(self, file: str) -> bytes:
        """The bytes of one of `files`.

        Raises `UserError` if the file cannot be read or has more than 2**28 bytes.
        """
        with self.reading(file):
            size = self._size(file)
            if size > MOST_BYTES:
                raise ValueError(f"it has {size:,} bytes, allowed are {MOST_BYTES:,}")
            if self._zip is None:
                return (self.path / file).read_bytes()
            return self._zip.read(file)

    def open(self, file: str) -> IO[bytes]:
        """One of `files` as a stream. Raises `UserError` if it cannot be opened."""
        with self.reading(file):
            if self._zip is None:
                return (self.path / file).open("rb")
            return self._zip.open(file)

    @contextlib.contextmanager
    def reading(self, file: str) -> Iterator[None]:
        """Raise `UserError`, which names `file`, if the body fails because the file is damaged."""
        try:
            yield
        except DAMAGED as error:
            raise UserError(
                f"{self.path}: {file} cannot be read ({error}); download or copy it again"
            ) from None

    def content_digest(self) -> str:
        """SHA-256 (64 hex digits) of the zip, or of the names and bytes of the folder's files."""
        if self._zip is not None:
            with self.path.open("rb") as archive:
                return hashlib.file_digest(archive, "sha256").hexdigest()
        sha = hashlib.sha256()
        for file in self.files:
            content = self.read(file)
            sha.update(f"{file}\0".encode())
            sha.update(hashlib.sha256(content).digest())
        return sha.hexdigest()

    def _size(self, file: str) -> int:
        """Bytes of the unpacked file."""
        if self._zip is None:
            return (self.path / file).stat().st_size
        return self._zip.getinfo(file).file_size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._zip is not None:
            self._zip.close()


def natural_order(file: str) -> list[tuple[int, str]]:
    """A sort key that puts 2 before 10."""
    key = []
    for piece in re.split(r"([0-9]+)", file):
        # other text sorts before numbers
        part = (int(piece), "") if piece.isdecimal() else (-1, piece)
        key.append(part)
    return key


def _empty_folders(names: Sequence[str]) -> list[str]:
    """The folders of a zip that hold nothing."""
    above: set[str] = set()
    for name in names:
        above.update(f"{folder}/" for folder in PurePosixPath(name).parents)
    empty = []
    for name in names:
        if name.endswith("/") and name not in above and is_shown(name):
            empty.append(name.rstrip("/"))
    return empty


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise UserError(
            f"{path} is neither a folder nor a whole zip ({error}); download or copy it again"
        ) from None


def _is_shown(file: str) -> bool:
    """Whether it is a file, not hidden, and in no folder that is hidden or of a system."""
    is_folder = file.endswith("/")  # of a zip
    return not is_folder and is_shown(file)
