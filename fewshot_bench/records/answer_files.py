"""The array files of records: written and read block by block, never whole in memory.

A file is what `numpy.savez_compressed` writes of arrays that lie by rows, to the byte.

Shapes: T episodes, A queries of an episode, B episodes of a block.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from fewshot_bench.files import write_atomically
from fewshot_bench.records.answered import Answered
from fewshot_bench.records.record import ArrayFile

__all__ = ["AnswerFile", "AnswerWriter", "write_answers"]

CHUNK = 2**20  # bytes hashed or copied at once
PREDICTED = "predicted"
RANKS = "ranks"


class AnswerWriter:
    """Writes what was answered in `episodes` episodes, part after part.

    seconds: what that took; error: why a part could not be written.
    """

    def __init__(self, out: BinaryIO, episodes: int) -> None:
        self.seconds = 0.0
        self.error: OSError | None = None
        self._episodes = episodes
        self._written = 0
        self._stack = ExitStack()
        self._archive = self._stack.enter_context(zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED))
        # an archive takes one array after the other: ranks wait in a file of their own
        waiting = tempfile.TemporaryFile()  # noqa: SIM115  the stack closes it
        self._ranks = self._stack.enter_context(waiting)
        self._predicted: IO[bytes] | None = None
        self._shape = (episodes, 0)

    def __enter__(self) -> AnswerWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def add(self, part: Answered) -> None:
        """Write a part. Raises `OSError` where the disk does not take it."""
        start = time.perf_counter()
        try:
            if self._predicted is None:
                self._shape = (self._episodes, part.predicted_TA.shape[1])
                predicted = _array(self._archive, PREDICTED, np.dtype(np.uint8), self._shape)
                self._predicted = self._stack.enter_context(predicted)
            self._predicted.write(part.predicted_TA.tobytes())
            if part.ranks_TA is not None:
                self._ranks.write(part.ranks_TA.tobytes())
        except OSError as error:
            self.error = error
            raise
        self._written += len(part.predicted_TA)
        self.seconds += time.perf_counter() - start

    def finish(self) -> None:
        """Write what waits. Raises `ValueError` where there are other than `episodes` episodes."""
        if self._predicted is None or self._written != self._episodes:
            raise ValueError(f"{self._written} episodes were answered, and not {self._episodes}")
        self._predicted.close()
        if self._ranks.tell() > 0:
            self._ranks.seek(0)
            with _array(self._archive, RANKS, np.dtype(np.uint16), self._shape) as member:
                for chunk in _chunks(self._ranks):
                    member.write(chunk)


def write_answers(path: Path, episodes: int, answer: Callable[[AnswerWriter], object]) -> ArrayFile:
    """Write the file of `episodes` episodes, which `answer` gives to the writer part by part."""
    digests: list[str] = []

    def write(out: BinaryIO) -> None:
        with AnswerWriter(out, episodes) as writer:
            answer(writer)
            writer.finish()
        out.flush()
        with Path(out.name).open("rb") as written:
            digests.append(_sha256(written))

    write_atomically(path, write)
    return ArrayFile(file=path.name, sha256=digests[0])


def _array(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> IO[bytes]:
    """The member of an archive to which the bytes of an array are written."""
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    member = archive.open(f"{name}.npy", "w", force_zip64=True)
    np.lib.format.write_array_header_1_0(member, header)
    return member


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _sha256(file: IO[bytes]) -> str:
    sha256 = hashlib.sha256()
    for chunk in _chunks(file):
        sha256.update(chunk)
    return sha256.hexdigest()


class AnswerFile:
    """The array file of one record. episodes: how many it must hold; queries: A, of each.

    Whoever reads it gets a `ValueError`, or another of `DAMAGED`, where it is not as the record
    says.
    """

    def __init__(self, path: Path, sha256: str, episodes: int, queries: int) -> None:
        self.path = path
        self._sha256 = sha256
        self._shape = (episodes, queries)

    def check(self) -> None:
        """Read its digest and the shapes of its arrays."""
        with self._opened():
            pass

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return self._shape[0]

    def whole(self) -> Answered:
        """All that was answered."""
        (answered,) = self.parts(self.episodes)
        return answered

    def parts(self, block: int) -> Iterator[Answered]:
        """What was answered, in blocks of so many episodes."""
        with self._opened() as (predicted, ranks):
            for start in range(0, self.episodes, block):
                count = min(block, self.episodes - start)
                of_ranks = None if ranks is None else ranks.read(count)
                yield Answered(predicted.read(count), of_ranks)

    @contextmanager
    def _opened(self) -> Iterator[tuple[_Rows, _Rows | None]]:
        """The arrays to be read, after a look at the digest of the file."""
        with ExitStack() as stack:
            file = stack.enter_context(self.path.open("rb"))
            if _sha256(file) != self._sha256:
                raise ValueError("its digest is not the record's")
            file.seek(0)
            archive = stack.enter_context(zipfile.ZipFile(file))
            ranks = None
            predicted = _Rows(stack.enter_context(archive.open(f"{PREDICTED}.npy")), self._shape)
            if f"{RANKS}.npy" in archive.namelist():
                ranks = _Rows(stack.enter_context(archive.open(f"{RANKS}.npy")), self._shape)
            yield predicted, ranks


class _Rows:
    """An array in a file, read row after row; one that lies there by columns is read at once."""

    def __init__(self, file: IO[bytes], shape: tuple[int, int]) -> None:
        self._file = file
        self._shape = shape
        self._row = 0
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"it is an array of version {version}")
        found, self._is_by_columns, self._dtype = np.lib.format.read_array_header_1_0(file)
        if self._dtype.hasobject:
            raise ValueError("it holds objects")  # which would be unpickled
        # checked first, so that a wrong record cannot ask for billions of episodes
        if not found or found[0] != shape[0]:
            raise ValueError(f"it holds {found[0] if found else 0} episodes and not {shape[0]}")
        # the first records have axes of their own for the ways
        if math.prod(found[1:]) != shape[1]:
            raise ValueError(f"it holds {found[1:]} queries an episode and not {shape[1]}")
        self._found: tuple[int, ...] = found

    def read(self, count: int) -> npt.NDArray[Any]:
        """The next rows."""
        rows = slice(self._row, self._row + count)
        self._row = rows.stop
        if self._is_by_columns:
            return self._by_columns[rows]
        return self._values(count * self._shape[1]).reshape(count, self._shape[1])

    @cached_property
    def _by_columns(self) -> npt.NDArray[Any]:
        values = self._values(math.prod(self._shape))
        return values.reshape(self._found, order="F").reshape(self._shape)

    def _values(self, count: int) -> npt.NDArray[Any]:
        buffer = bytearray(count * self._dtype.itemsize)
        view = memoryview(buffer)
        done = 0
        while done < len(buffer):
            chunk = self._file.read(min(len(buffer) - done, CHUNK))
            if not chunk:
                raise EOFError("it ends too early")
            view[done : done + len(chunk)] = chunk
            done += len(chunk)
        return np.frombuffer(buffer, self._dtype)
