"""Writing files whole or not at all, and the errors that damaged files raise."""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import re
import struct
import tarfile
import time
import tokenize
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from fewshot_bench.errors import UserError

__all__ = ["DAMAGED", "create_whole", "sweep", "user_path", "write_atomically"]

# what readers of zips and arrays raise when the bytes are damaged
DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)

# seconds; a temporary file older than this was left by a killed process
ABANDONED = 3600


def write_atomically(path: Path, write: Callable[[io.BufferedWriter], object]) -> None:
    """Let `write` fill a new file beside `path`, then move it to `path` in one step.

    Creates the folder of `path`. If anything fails, `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # the error of a full disk names no file
        raise


def create_whole(path: Path, content: bytes) -> bool:
    """Make a new file with this content in one step; False where a file of that name is there.

    Of several processes at once, also on several machines, one succeeds. It needs no locks. On a
    disk without hard links the file is there for a moment before its content is. The folder must
    exist.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.write_bytes(content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        # it may be ours: network disks send a request again whose answer was lost
        with contextlib.suppress(FileNotFoundError):
            return temporary.samefile(path)
        return False
    except OSError:  # no hard links: exFAT, some network disks
        return _create(path, content)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _create(path: Path, content: bytes) -> bool:
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        return False
    return True


def user_path(path: Path | str) -> Path:
    """The path with the user's home in the place of `~`.

    Raises `UserError` where the home is not known.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(
            f"{path} begins with ~, and the home folder of the user is not known; "
            "write the path in full, or set HOME"
        ) from None


def sweep(paths: Iterable[Path]) -> None:
    """Delete the temporary files among `paths` that killed processes left behind."""
    for path in paths:
        if not _is_temporary(path):
            continue
        # another process may delete the file first
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - path.stat().st_mtime
            if age > ABANDONED:
                path.unlink()


def _is_temporary(path: Path) -> bool:
    """Whether `write_atomically` gave the file its name."""
    return re.fullmatch(r"\..+\.[0-9a-f]{32}", path.name) is not None
