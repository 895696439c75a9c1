"""Files written whole or not at all, and what damaged ones raise."""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import re
import struct
import time
import tokenize
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["DAMAGED", "sweep", "write_atomically"]

# what the readers of zips and arrays raise where their bytes are damaged
DAMAGED = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, MemoryError,
    RuntimeError, SyntaxError, lzma.LZMAError, struct.error, tokenize.TokenError, zipfile.BadZipFile,
    zipfile.LargeZipFile, zlib.error,
)  # fmt: skip

ABANDONED = (
    3600  # seconds after which a file that was being written belongs to a process that was killed
)


def write_atomically(path: Path, write: Callable[[io.BufferedWriter], object]) -> None:
    """Let `write` fill a new file beside `path`, then put it in the place of `path` in one step."""
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
        if isinstance(error, OSError) and error.filename is None:  # a full disk names no file
            error.filename = str(path)
        raise


def sweep(paths: Iterable[Path]) -> None:
    """Remove those of `paths` that processes which were killed while they wrote left."""
    for path in paths:
        if re.fullmatch(r"\..+\.[0-9a-f]{32}", path.name):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()
