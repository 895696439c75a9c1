"""Folders and archives as trees of files."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED

__all__ = ["Tree", "natural"]

MOST_BYTES = 2**28  # of one image or annotation, unpacked


class Tree:
    """The files of a folder or of a zip, read without unpacking; hidden files and `__MACOSX` are left out.

    files: names with `/`, relative to the folder or the archive, in natural order (2 before 10).
    Raises `UserError` for a path that is missing, unreadable, or neither a folder nor a zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            names: Iterator[str] = (
                found.relative_to(path).as_posix() for found in path.rglob("*") if found.is_file()
            )
        elif path.is_file():
            names = iter(self._open().namelist())
        else:
            raise UserError(f"{path} does not exist; name a folder or a zip of images")
        self.files = tuple(sorted(filter(_is_shown, names), key=natural))

    def _open(self) -> zipfile.ZipFile:
        try:
            self._zip = zipfile.ZipFile(self.path)
        except DAMAGED as error:
            raise UserError(
                f"{self.path} is neither a folder nor a whole zip ({error}); download or copy it again"
            ) from None
        return self._zip

    def read(self, file: str) -> bytes:
        """The bytes of one of `files`; raises `UserError` where they cannot be read or are more than `MOST_BYTES`."""
        try:
            size = (
                self._zip.getinfo(file).file_size
                if self._zip
                else (self.path / file).stat().st_size
            )
            if size > MOST_BYTES:
                raise ValueError(f"it has {size:,} bytes, allowed are {MOST_BYTES:,}")
            return self._zip.read(file) if self._zip else (self.path / file).read_bytes()
        except DAMAGED as error:
            raise UserError(
                f"{self.path}: {file} cannot be read ({error}); download or copy it again"
            ) from None

    def open(self, file: str) -> IO[bytes]:
        """One of `files` as a stream; raises `UserError` where it cannot be opened."""
        try:
            return self._zip.open(file) if self._zip else (self.path / file).open("rb")
        except DAMAGED as error:
            raise UserError(
                f"{self.path}: {file} cannot be opened ({error}); download or copy it again"
            ) from None

    def content(self) -> str:
        """A digest of what it holds: of the archive's bytes, or of the folder's names and bytes."""
        if self._zip:
            with self.path.open("rb") as archive:
                return hashlib.file_digest(archive, "sha256").hexdigest()
        sha = hashlib.sha256()
        for file in self.files:
            sha.update(f"{file}\0".encode())
            sha.update(hashlib.sha256(self.read(file)).digest())
        return sha.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._zip:
            self._zip.close()


def _is_shown(file: str) -> bool:
    parts = PurePosixPath(file).parts
    return not file.endswith("/") and not any(
        part.startswith(".") or part == "__MACOSX" for part in parts
    )


def natural(file: str) -> list[tuple[int, str]]:
    """A sort key by which 2 comes before 10."""
    return [
        (int(piece), "") if piece.isdecimal() else (-1, piece)
        for piece in re.split(r"([0-9]+)", file)
    ]
