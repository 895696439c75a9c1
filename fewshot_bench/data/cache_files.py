"""The files of the cache: where they are, which of them are in use, and the bound on their size."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import re
import sys
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from fewshot_bench.errors import UserError
from fewshot_bench.files import sweep, user_path

if sys.platform != "win32":
    import fcntl

__all__ = [
    "Entry",
    "cache_folder",
    "clear",
    "entries",
    "hold",
    "keep_within_bound",
    "size_bound",
    "size_text",
    "storing",
    "tell_once",
    "touch",
]

LOG = logging.getLogger("fewshot_bench")  # without a handler, warnings are lines on standard error
FOLDER = "FEWSHOT_BENCH_CACHE"
BOUND = "FEWSHOT_BENCH_CACHE_SIZE"
STANDARD_BOUND = "10 GB"
FEATURES = "features"
DAY = 86_400  # seconds
# seconds; where a disk has no locks, what was used since then counts as in use
RECENT = 3600
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(I?)B?", re.IGNORECASE)
UNITS = ("", "K", "M", "G", "T")
# nothing else is ever removed: the folder may hold other files
IMAGES_FILE = re.compile(r"[0-9a-f]{32}\.np[yz]")
FEATURES_FILE = re.compile(r"[0-9a-f]+-[0-9a-f]+\.safetensors")

_told: set[str] = set()


@dataclass(frozen=True)
class Entry:
    """What the cache keeps together. size: bytes; used: when, in seconds since 1970."""

    paths: tuple[Path, ...]
    size: int
    used: float

    @property
    def is_features(self) -> bool:
        """Whether it holds features; else it holds images."""
        return self.paths[0].parent.name == FEATURES

    @property
    def day(self) -> str:
        """The day on which it was used last."""
        return datetime.datetime.fromtimestamp(self.used, datetime.UTC).date().isoformat()


def cache_folder() -> Path:
    """$FEWSHOT_BENCH_CACHE, or the user's cache folder; without a home, one for temporary files."""
    named = os.environ.get(FOLDER)
    if named:
        return user_path(named)
    try:
        folder = Path(platformdirs.user_cache_dir("fewshot-bench"))
    except RuntimeError:  # no HOME, and no entry in the list of users
        folder = Path("~")
    if folder.is_absolute():
        return folder
    owner = os.getuid() if sys.platform != "win32" else 0
    folder = Path(tempfile.gettempdir()) / f"fewshot-bench-{owner}"
    tell_once(f"this user has no home folder, so the cache is {folder}; ${FOLDER} names another")
    return folder


def size_bound() -> int:
    """The bytes of $FEWSHOT_BENCH_CACHE_SIZE, such as 500 MB or 20 GiB; 10 GB without it.

    Raises `UserError` if it cannot be read.
    """
    text = os.environ.get(BOUND) or STANDARD_BOUND
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise UserError(
            f"${BOUND} {text!r} is no size (allowed: bytes, or a number with KB, MB, GB or TB, "
            "such as 20 GB)"
        )
    number, unit, binary = match.groups()
    base = 1024 if binary else 1000
    return int(float(number) * base ** UNITS.index(unit.upper()))


def size_text(size: float) -> str:
    """A number of bytes for people, such as 1.2 GB."""
    power = 0
    while size >= 1000 and power < len(UNITS) - 1:
        size /= 1000
        power += 1
    digits = 1 if power else 0
    return f"{size:.{digits}f} {UNITS[power]}B"


def entries() -> list[Entry]:
    """What the cache holds; what was used least recently first."""
    folder = cache_folder()
    paths_of: dict[Path, list[Path]] = {}
    for place, name in ((folder, IMAGES_FILE), (folder / FEATURES, FEATURES_FILE)):
        for path in _files(place):
            if name.fullmatch(path.name):
                paths_of.setdefault(path.with_suffix(""), []).append(path)
    found = []
    for paths in paths_of.values():
        with contextlib.suppress(FileNotFoundError):  # another process may drop it now
            found.append(_entry(paths))
    return sorted(found, key=lambda entry: entry.used)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _entry(paths: Iterable[Path]) -> Entry:
    ordered = tuple(sorted(paths))
    facts = [path.stat() for path in ordered]
    size = sum(fact.st_size for fact in facts)
    return Entry(ordered, size, max(fact.st_mtime for fact in facts))


def hold(path: Path, user: object) -> None:
    """Note that this file is used now. No process drops its entry while `user` lives.

    Of images, it is the file of the pixels. The mark is a lock, which ends with the process.
    """
    touch(path)
    with contextlib.suppress(OSError):
        file = path.open("rb")
        weakref.finalize(user, file.close)
        _lock(file, exclusive=False)


def touch(path: Path) -> None:
    """Note that this file was used now."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _lock(file: IO[bytes], *, exclusive: bool) -> None:
    """Lock a file without waiting. Raises `OSError` where it is locked, or cannot be.

    On Windows a file that is mapped cannot be deleted, and needs no lock.
    """
    if sys.platform != "win32":
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        fcntl.flock(file, kind | fcntl.LOCK_NB)


@contextlib.contextmanager
def storing() -> Iterator[None]:
    """Write to the cache in the block, and keep within the bound after it.

    A cache that cannot be written is told once, and is no error.
    """
    try:
        yield
    except OSError as error:
        tell_once(
            f"the cache {cache_folder()} cannot be written ({error.strerror}), so this work is "
            f"done again next time; name another folder with ${FOLDER}"
        )
    else:
        keep_within_bound()


def keep_within_bound() -> None:
    """Drop what was used least recently until the cache is within its bound, and tell it.

    What a process is using stays.
    """
    bound = size_bound()
    _sweep()
    found = entries()
    total = sum(entry.size for entry in found)
    dropped = []
    for entry in found:
        if total > bound and _drop(entry):
            total -= entry.size
            dropped.append(entry)
    where = f"the cache {cache_folder()} may take {size_text(bound)} (${BOUND})"
    if dropped:
        size = size_text(sum(entry.size for entry in dropped))
        LOG.warning(
            f"{where}: dropped {len(dropped)} of its entries, which were used last on "
            f"{dropped[-1].day} or before ({size})"
        )
    if total > bound:
        tell_once(f"{where}, and what runs are using takes {size_text(total)}")


def clear(older_than: float = 0) -> tuple[list[Entry], list[Entry]]:
    """Drop all that was not used for `older_than` days: (what was dropped, what is in use)."""
    _sweep()
    latest = time.time() - older_than * DAY
    dropped: list[Entry] = []
    kept: list[Entry] = []
    for entry in entries():
        if entry.used <= latest:
            group = dropped if _drop(entry) else kept
            group.append(entry)
    return dropped, kept


def tell_once(text: str) -> None:
    """Tell the user a line, unless this process has told it before."""
    if text not in _told:
        _told.add(text)
        LOG.warning(text)


def _sweep() -> None:
    """Delete the temporary files of killed processes."""
    folder = cache_folder()
    sweep([*_files(folder), *_files(folder / FEATURES)])


def _drop(entry: Entry) -> bool:
    """Delete an entry, unless a process uses it; whether it is gone."""
    first = entry.paths[0]
    try:
        with first.open("r+b") as file:  # on network disks an exclusive lock needs it writable
            if _is_used(file, entry):
                return False
            for path in entry.paths:
                path.unlink(missing_ok=True)
    except FileNotFoundError:  # another process was faster
        return True
    except OSError:
        return False
    return True


def _is_used(file: IO[bytes], entry: Entry) -> bool:
    try:
        _lock(file, exclusive=True)
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks
        return time.time() - entry.used < RECENT
    return False
