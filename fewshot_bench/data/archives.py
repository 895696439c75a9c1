"""Where files come from: a folder, a zip, a tar. Nothing is unpacked under its own name.

A source gives names as text where it says their encoding (UTF-8), else as bytes.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from fewshot_bench.data.kinds import head_of, what_it_is
from fewshot_bench.data.reading import told
from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED

__all__ = ["FolderSource", "Source", "TarSource", "ZipSource", "opened_archive", "unpacked"]

Name = str | bytes
TarState = tuple[object, ...]  # what tells whether a packed file is the same; () of others

MOST_UNPACKED = 2**33  # bytes of a tar that is packed, and of a zip in a zip
ALWAYS_UNPACKED = 2**28  # bytes
MOST_TIMES = 200  # how many times as long as its packed bytes it may become beyond that
MOST_FILES = 2**20
CHUNK = 2**20  # bytes

ENCRYPTED = 1  # flag bits of a file in a zip
SAYS_UTF8 = 0x800
UNICODE_PATH = 0x7075  # an extra field: the name in UTF-8
PACKED = {
    9: "Deflate64, as the Windows Explorer packs large files,",
    20: "Zstandard",
    93: "Zstandard",
    95: "xz",
    98: "PPMd",
    99: "AES, which needs a password,",
}
READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


# how a packed tar begins -> what opens it
PACKED_STREAMS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\0": lzma.open,
    b"BZh": bz2.open,
}


class Source(Protocol):
    """Files by their position. names: of the files, with `/`; notes: what was left out."""

    names: list[Name]
    notes: list[str]

    def size(self, position: int) -> int:
        """Bytes of the unpacked file."""

    def open(self, position: int) -> IO[bytes]:
        """The file as a stream."""

    def close(self) -> None:
        """Close the archive."""


class FolderSource:
    """The files of a folder. paths: their names below it, with `/`."""

    def __init__(self, folder: Path, paths: Sequence[str]) -> None:
        self.paths = paths
        self._start = os.path.join(folder, "")  # noqa: PTH118 (it ends with a separator)
        self.names = [_text_or_bytes(os.fsencode(path)) for path in paths]
        self.notes: list[str] = []

    def size(self, position: int) -> int:
        """Bytes of the file."""
        return os.stat(self._path(position)).st_size  # noqa: PTH116 (a Path takes as long again)

    def open(self, position: int) -> IO[bytes]:
        """The file as a stream."""
        return open(self._path(position), "rb")  # noqa: PTH123 (as above)

    def _path(self, position: int) -> str:
        return f"{self._start}{self.paths[position]}"

    def close(self) -> None:
        """Nothing is open."""


class ZipSource:
    """The files of a zip. title: what messages call it. A stream is closed with the zip.

    Raises `UserError` for a zip with a password, or packed in a way that cannot be read.
    """

    def __init__(self, file: Path | IO[bytes], title: str) -> None:
        with contextlib.ExitStack() as opened:
            if not isinstance(file, Path):
                opened.enter_context(file)
            try:
                self.archive = opened.enter_context(zipfile.ZipFile(file))
            except UnicodeDecodeError:
                raise UserError(
                    f"{title} says that its names are UTF-8, and they are not; "
                    "unpack it and name the folder"
                ) from None
            self.infos = [info for info in self.archive.infolist() if not _is_folder(info)]
            self.names = [_name_in_zip(info) for info in self.infos]
            self.notes: list[str] = []
            _check_readable(self.infos, title)
            self._opened = opened.pop_all()

    def size(self, position: int) -> int:
        """Bytes of the unpacked file, as the zip says."""
        return self.infos[position].file_size

    def open(self, position: int) -> IO[bytes]:
        """The file as a stream."""
        return self.archive.open(self.infos[position])

    def close(self) -> None:
        """Close the zip."""
        self._opened.close()


class TarSource:
    """The regular files of a tar; links, devices and the like are counted and left out.

    One that is packed (.tar.gz, .tar.xz, .tar.bz2) is unpacked to a file without a name, up to a
    bound, since only then can its files be read in any order.
    """

    def __init__(self, path: Path) -> None:
        with contextlib.ExitStack() as opened:
            file, self._unpacked_state = _plain_tar(path)
            self._file = opened.enter_context(file)
            tar = tarfile.TarFile(fileobj=file, errors="surrogateescape")
            self.archive = opened.enter_context(tar)
            members = self.archive.getmembers()
            self._opened = opened.pop_all()
        self.members = [member for member in members if member.isreg() or member.islnk()]
        self.names: list[Name] = []
        for member in self.members:
            raw = member.name.encode("utf-8", "surrogateescape")
            self.names.append(_text_or_bytes(raw))
        others = sum(not member.isdir() for member in members) - len(self.members)
        self.notes: list[str] = []
        if others:
            self.notes.append(f"{others} links or devices in the tar were left out")

    def size(self, position: int) -> int:
        """Bytes of the file."""
        member = self.members[position]
        if member.islnk():
            member = self.archive.getmember(member.linkname)
        return member.size

    def open(self, position: int) -> IO[bytes]:
        """The file as a stream."""
        stream = self.archive.extractfile(self.members[position])
        if stream is None:
            raise ValueError("it is a link that leads nowhere")
        return stream

    def close(self) -> None:
        """Close the tar; one that was unpacked is kept for the next time."""
        if self._unpacked_state:
            _parked.park(self._unpacked_state, self._file)
        self._opened.close()


def opened_archive(path: Path) -> Source:
    """A zip or tar. Raises `UserError`, which says what the file is and what to do."""
    try:
        source = _source(path)
    except DAMAGED as error:
        raise UserError(
            f"{path} is neither a folder nor a whole zip or tar ({error}); "
            "download or copy it again"
        ) from None
    count = len(source.names)
    if count > MOST_FILES:
        source.close()
        raise UserError(f"{path} holds {count:,} files (allowed: {MOST_FILES:,}); split it")
    return source


def _source(path: Path) -> Source:
    # a tar may end with a zip, and then looks like one
    if not head_of(path).startswith(b"PK"):
        with contextlib.suppress(tarfile.ReadError, tarfile.HeaderError):
            return TarSource(path)
    kind = what_it_is(path)
    if kind and not zipfile.is_zipfile(path):
        raise UserError(f"{path} is {kind}")
    return ZipSource(path, str(path))


def unpacked(stream: IO[bytes], packed_size: int) -> IO[bytes]:
    """The bytes of a stream in a file without a name. Raises `ValueError` beyond the bound."""
    bound = min(MOST_UNPACKED, max(ALWAYS_UNPACKED, MOST_TIMES * packed_size))
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(tempfile.TemporaryFile())
        done = 0
        for chunk in told(iter(lambda: stream.read(CHUNK), b""), "unpacking, MiB"):
            done += len(chunk)
            if done > bound:
                raise ValueError(f"it unpacks to more than {bound:,} bytes")
            file.write(chunk)
        file.seek(0)
        opened.pop_all()
    return file


def _plain_tar(path: Path) -> tuple[IO[bytes], TarState]:
    """(the tar as it is unpacked, its state if it was unpacked now).

    Raises `tarfile.HeaderError` if it is none.
    """
    head = head_of(path)
    for start, opened in PACKED_STREAMS.items():
        if head.startswith(start):
            return _unpacked_tar(path, opened)
    _check_tar(head)
    return path.open("rb"), ()


@dataclass
class _Parked:
    """A packed tar that was unpacked and closed, for whoever opens it next, once.

    So a data set that is recognised by the names of its files, and then read, is unpacked once.
    state: of the packed file.
    """

    state: TarState = ()
    file: IO[bytes] | None = None

    def park(self, state: TarState, file: IO[bytes]) -> None:
        """Keep an unpacked tar, in the place of another one."""
        if self.file is not None:
            self.file.close()
        self.state = state
        self.file = os.fdopen(os.dup(file.fileno()), "rb")

    def take(self, state: TarState) -> IO[bytes] | None:
        """The unpacked tar if it is kept; it is not kept any longer."""
        if self.file is None or self.state != state:
            return None
        file = self.file
        self.file = None
        file.seek(0)
        return file


_parked = _Parked()


def _unpacked_tar(path: Path, opened: Any) -> tuple[IO[bytes], TarState]:
    facts = path.stat()
    state = (str(path.absolute()), facts.st_ino, facts.st_size, facts.st_mtime_ns)
    file = _parked.take(state)
    if file is not None:
        return file, ()
    with opened(path) as stream:
        _check_tar(stream.read(tarfile.BLOCKSIZE))
        stream.seek(0)
        return unpacked(stream, facts.st_size), state


def _check_tar(block: bytes) -> None:
    """Raise `tarfile.HeaderError` if this is not the first block of a tar."""
    tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")


def _text_or_bytes(raw: bytes) -> Name:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _is_folder(info: zipfile.ZipInfo) -> bool:
    return info.orig_filename.endswith(("/", "\\")) and info.file_size == 0


def _name_in_zip(info: zipfile.ZipInfo) -> Name:
    """Text if the zip says that it is UTF-8, else the bytes that stand there."""
    name = info.orig_filename.partition("\0")[0]
    if info.flag_bits & SAYS_UTF8:
        return name
    raw = name.encode("cp437")  # zipfile decoded it so
    return _unicode_path(info.extra, raw) or raw


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name in UTF-8 that Info-ZIP and others add, if it belongs to these bytes; else empty."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        content = extra[position + 4 : position + 4 + size]
        position += 4 + size
        if kind == UNICODE_PATH and content[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return content[5:].decode("utf-8", "replace")
    return ""


def _check_readable(infos: Sequence[zipfile.ZipInfo], title: str) -> None:
    """Raise `UserError` for a zip with a password, or packed in a way that cannot be read."""
    encrypted = sum(bool(info.flag_bits & ENCRYPTED) for info in infos)
    if encrypted:
        raise UserError(
            f"{title} needs a password for {encrypted} of {len(infos)} files; unpack it and name "
            "the folder, or pack it without one"
        )
    for info in infos:
        if info.compress_type not in READABLE:
            method = PACKED.get(info.compress_type, f"method {info.compress_type}")
            raise UserError(
                f"{title} is packed with {method} which cannot be read here; unpack it and name "
                "the folder, or pack it with Deflate"
            )
