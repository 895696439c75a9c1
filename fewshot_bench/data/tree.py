"""The files of a folder, a zip or a tar."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from fewshot_bench.data.archives import (
    FolderSource,
    Source,
    ZipSource,
    opened_archive,
    unpacked,
)
from fewshot_bench.data.kinds import POINTER
from fewshot_bench.data.names import readable_names, without_clashes
from fewshot_bench.data.reading import told
from fewshot_bench.data.walk import is_shown, walk
from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED

__all__ = ["FileTree", "natural_order"]

MOST_BYTES = 2**28  # of one image or annotation, unpacked
LONGEST_POINTER = 1024  # bytes
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".rar", ".7z")
# what may lie beside an archive in an archive; a name without an ending is a text too
TEXTS = (".txt", ".md", ".pdf", ".html", ".htm", ".rst", ".json", ".csv", ".doc", ".docx", "")
MOST_KEPT = 2**26  # bytes of files that are kept until the tree is closed
MOST_NAMED = 5  # files in one message
DIGITS = re.compile(r"([0-9]+)")
Place = tuple[Source, int]  # a source, and the position of a file in it


class FileTree:
    """The files of a folder or an archive (.zip, .tar, .tar.gz, .tar.xz, .tar.bz2).

    A zip is read without unpacking it. An archive that holds nothing but zips, and texts beside
    them, is read as if each zip in it were a folder.
    files: their names relative to the folder or archive, with `/`, in natural order (2 before 10);
    hidden files and folders of systems (`__MACOSX`, `@eaDir`, `lost+found`) are left out;
    empty_folders: folders that hold nothing; notes: what a user should know of how it was listed
    and of the names. Linked folders are followed, see `walk`. only: of a folder, the files to take
    up; nothing else in it is looked at.
    Use it in a `with` statement. Raises `UserError` if the path does not exist or cannot be read,
    or if a file is no archive that can be read; the message says what it is and what to do.
    """

    def __init__(self, path: Path, only: Sequence[str] | None = None) -> None:
        self.path = path
        self.notes: list[str] = []
        self.empty_folders: list[str] = []
        self._sources: list[Source] = []
        self._places: dict[str, Place] = {}
        self._kept: dict[str, bytes] = {}  # contents of files
        self._is_archive = path.is_file()
        with contextlib.ExitStack() as opened:
            opened.callback(self._close)  # if what follows fails
            if only is None:
                self._open(path)
            else:
                self._add(FolderSource(path, only))
            opened.pop_all()
        self.files = tuple(sorted(self._places, key=natural_order))

    def _open(self, path: Path) -> None:
        if path.is_dir():
            found = walk(path)
            self.notes += found.notes
            self._add(FolderSource(path, found.files))
            self.empty_folders += found.empty
            self._refuse_archives_alone()
        elif path.is_file():
            self._add(opened_archive(path))
            self._read_archives_inside()
        else:
            raise UserError(f"{path} does not exist; name a folder or an archive of images")

    def _add(self, source: Source, folder: str = "") -> None:
        """Take up the files of a source, in the folder of this name; an empty one is none."""
        self._sources.append(source)
        self.notes += source.notes
        positions = [at for at, name in enumerate(source.names) if _is_shown(_as_text(name))]
        raw_names = [source.names[position] for position in positions]
        names, notes = readable_names(raw_names, backslashes=self._is_archive)
        self.notes += notes
        empty, _ = readable_names(_empty_folders(source.names), backslashes=self._is_archive)
        self.empty_folders += [f"{folder}{name}".rstrip("/") for name in empty]
        # the same name twice is an older and a newer version of one file
        last_of = dict(zip(zip(names, raw_names, strict=True), positions, strict=True))
        older = len(positions) - len(last_of)
        if older:
            self.notes.append(f"{older} files are there in a newer version too, which is read")
        shown = [f"{folder}{name}" for name, _ in last_of]
        unique, notes = without_clashes(shown)
        self.notes += notes
        for name, position in zip(unique, last_of.values(), strict=True):
            self._places[name] = (source, position)

    def _read_archives_inside(self) -> None:
        """Put the files of zips in the place of the zips, if there is nothing else but texts."""
        inside = _archives_alone(self._places)
        for name in inside:
            source, position = self._places.pop(name)
            title = f"{self.path}: {name}"
            if not name.lower().endswith(".zip"):
                raise UserError(
                    f"{title} is an archive in an archive; unpack it and name the folder"
                )
            try:
                with source.open(position) as stream:
                    inner = ZipSource(unpacked(stream, self.path.stat().st_size), title)
            except DAMAGED as error:
                raise UserError(
                    f"{title} is not a whole zip ({error}); download or copy it again"
                ) from None
            before = set(self._places)
            self._add(inner, f"{name[: -len('.zip')]}/")
            if _archives_alone(self._places.keys() - before):
                raise UserError(f"{title} holds archives again; unpack it and name the folder")
            self.notes.append(f"{name} in {self.path.name} is read as a folder")

    def _refuse_archives_alone(self) -> None:
        inside = _archives_alone(self._places)
        if inside:
            raise UserError(
                f"{self.path} holds archives and no pictures ({_listed(inside)}); name one of them"
            )

    def read(self, file: str) -> bytes:
        """The bytes of one of `files`.

        Raises `UserError` if the file cannot be read or has more than 2**28 bytes.
        """
        kept = self._kept.get(file)
        return self._read(file) if kept is None else kept

    def _read(self, file: str) -> bytes:
        source, position = self._place(file)
        with self.reading(file):
            size = source.size(position)
            if size > MOST_BYTES:
                raise ValueError(f"it has {size:,} bytes, allowed are {MOST_BYTES:,}")
            with source.open(position) as stream:
                content = stream.read()
        if content.startswith(POINTER):
            raise UserError(self._pointers_text(file))
        return content

    def title(self, file: str) -> str:
        """What messages call one of `files`."""
        return f"{self.path}: {file}"

    def open(self, file: str) -> IO[bytes]:
        """One of `files` as a stream. Raises `UserError` if it cannot be opened."""
        source, position = self._place(file)
        with self.reading(file):
            return source.open(position)

    def _place(self, file: str) -> Place:
        with self.reading(file):
            if file not in self._places:
                raise FileNotFoundError("there is no such file")
            return self._places[file]

    def _pointers_text(self, file: str) -> str:
        """What to do about pointers of git-lfs, of which `file` is one."""
        return (
            f"{self.path}: {self._pointers} of {len(self.files)} files, such as {file}, are "
            "pointers of git-lfs and not the files; run git lfs pull in their checkout"
        )

    @functools.cached_property
    def _pointers(self) -> int:
        """How many files are pointers of git-lfs."""
        count = 0
        for source, position in self._places.values():
            with contextlib.suppress(*DAMAGED):
                if source.size(position) <= LONGEST_POINTER:
                    with source.open(position) as stream:
                        count += stream.read().startswith(POINTER)
        return count

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
        """SHA-256 (64 hex digits) of the archive, or of the folder's names and bytes."""
        if self._is_archive:
            with self.path.open("rb") as archive:
                return hashlib.file_digest(archive, "sha256").hexdigest()
        sha = hashlib.sha256()
        room = MOST_KEPT
        for file in told(self.files, "reading", len(self.files)):
            content = self._read(file)
            # they are read once more to be decoded
            if len(content) <= room:
                self._kept[file] = content
                room -= len(content)
            sha.update(f"{file}\0".encode())
            sha.update(hashlib.sha256(content).digest())
        return sha.hexdigest()

    def _close(self) -> None:
        self._kept.clear()
        for source in self._sources:
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()


def natural_order(file: str) -> list[tuple[int, str]]:
    """A sort key that puts 2 before 10."""
    key = []
    for piece in DIGITS.split(file):
        # other text sorts before numbers
        part = (int(piece), "") if piece.isdecimal() else (-1, piece)
        key.append(part)
    return key


def _empty_folders(names: Sequence[str | bytes]) -> list[str | bytes]:
    """The folders of an archive that hold nothing."""
    above: set[str] = set()
    for name in names:
        above.update(f"{folder}/" for folder in PurePosixPath(_as_text(name)).parents)
    empty = []
    for name in names:
        text = _as_text(name)
        if text.endswith("/") and text not in above and is_shown(text):
            empty.append(name)
    return empty


def _archives_alone(files: Iterable[str]) -> list[str]:
    """The archives among files, in natural order, if beside them there are texts only."""
    archives = []
    for file in files:
        if file.lower().endswith(ARCHIVES):
            archives.append(file)
        elif PurePosixPath(file).suffix.lower() not in TEXTS:
            return []
    return sorted(archives, key=natural_order)


def _listed(files: Sequence[str]) -> str:
    named = list(files[:MOST_NAMED])
    if len(files) > MOST_NAMED:
        named.append(f"{len(files) - MOST_NAMED} more")
    return ", ".join(named)


def _as_text(name: str | bytes) -> str:
    """For a look at its ASCII characters."""
    return name if isinstance(name, str) else name.decode("latin-1")


def _is_shown(file: str) -> bool:
    """Whether it is a file, not hidden, and in no folder that is hidden or of a system."""
    is_folder = file.endswith("/")  # of an archive
    return not is_folder and is_shown(file)
