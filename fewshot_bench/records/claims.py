"""Which process computes what, so that several processes never do the same work at once.

The processes may run on one machine or on many that share a folder, on a disk with locks or without
(some network disks have none, and some wait for ever for theirs): a claim is a file that names its
holder, made in one step. The holder renews the file's time while it lives. The claim of a dead
process is taken over: at once if the process ran on this machine, else when its time has not been
renewed for `STALE` seconds.

Several processes may find a claim dead at once, and one of them may be slow. So whoever changes a
claim that is there (takes it over, or gives its own back) first makes its mark: a file named by the
claim's token, which a claim never has again. One process can make it. It then looks again whether
the claim is still that one; if so, no other process can change it. A mark whose maker died is
succeeded in the same way, by a mark on the mark.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.files import create_whole

__all__ = ["Claims"]

LOG = logging.getLogger("fewshot_bench")  # without a handler, warnings are lines on standard error
BEAT = 5.0  # seconds between renewals
STALE = 60.0  # seconds without a renewal, after which a claim is taken over
TRIES = 100  # to take a claim that others take and give back meanwhile
LOOK_AGAIN = 0.1  # seconds until a claim that is waited for is looked at again
PATIENCE = 5.0  # seconds of waiting, after which a line says for whom


@dataclass(frozen=True)
class _Claim:
    """What a file says of its holder. pid: None where its writer has not ended it, or died."""

    host: str
    pid: int | None
    token: str

    @classmethod
    def new(cls) -> _Claim:
        """Of this process."""
        return cls(_host(), os.getpid(), uuid.uuid4().hex)

    @property
    def content(self) -> bytes:
        """As a file holds it."""
        return json.dumps(vars(self)).encode()

    @property
    def holder(self) -> str:
        """The process in words."""
        if self.pid is None:
            return "another process"
        machine = self.host.partition("/")[0]
        return f"process {self.pid} on {machine}"

    @property
    def is_dead(self) -> bool:
        """Whether it ran on this machine, and runs no more."""
        return self.pid is not None and self.host == _host() and not _is_alive(self.pid)


class Claims:
    """The claims in one folder, which every process that shares it must be able to write."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[str]:
        """Claim `name` for the block. Yields an empty text if that succeeded, else the holder."""
        path = self._path(name)
        claim = _Claim.new()
        holder = self._take(path, claim)
        if holder:
            yield holder
            return
        done = threading.Event()
        renewal = threading.Thread(target=_renew, args=(path, done), daemon=True)
        renewal.start()
        try:
            yield ""
        finally:
            done.set()
            renewal.join()
            self._give_back(path, claim)

    @contextlib.contextmanager
    def waited_for(self, name: str) -> Iterator[None]:
        """Hold the claim `name` for the block, which is short; wait while others hold it.

        After `PATIENCE` seconds a line says for whom.
        """
        begun = time.monotonic()
        told = ""
        while True:
            with self.held(name) as holder:
                if not holder:
                    yield
                    return
            if holder != told and time.monotonic() - begun > PATIENCE:
                LOG.warning(f"waiting for {holder}, which holds {self._path(name)}")
                told = holder
            time.sleep(LOOK_AGAIN)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _take(self, path: Path, claim: _Claim) -> str:
        """Make the claim in this file. An empty text if that succeeded, else the holder."""
        holder = ""
        for _ in range(TRIES):
            if create_whole(path, claim.content):
                return ""
            present = _read(path)
            if present is None:
                continue  # it was given back just now
            if self._is_held(present, path):
                return present.holder
            taken, holder = self._take_over(path, present, claim)
            if taken or holder:
                return holder
        return "another process"

    def _take_over(self, path: Path, dead: _Claim, claim: _Claim) -> tuple[bool, str]:
        """Put `claim` in the place of a dead one: (whether it is there, who does that now)."""
        marks = []
        last = dead
        while True:
            mark = self._mark(path, last)
            marks.append(mark)
            if create_whole(mark, claim.content):
                break
            other = _read(mark)
            if other is None:
                return False, ""  # it was taken over just now
            if self._is_held(other, mark):
                return False, other.holder
            last = other  # which died while it took the claim over
        present = _read(path)
        if present is None or present.token != dead.token:
            mark.unlink(missing_ok=True)
            return False, ""
        _replace(path, claim.content)
        for mark in marks:
            mark.unlink(missing_ok=True)
        return True, ""

    def _give_back(self, path: Path, claim: _Claim) -> None:
        """Remove a claim, unless another process took it over while this one was suspended."""
        mark = self._mark(path, claim)
        if create_whole(mark, _Claim.new().content):
            present = _read(path)
            if present is not None and present.token == claim.token:
                path.unlink(missing_ok=True)
            mark.unlink(missing_ok=True)

    def _mark(self, path: Path, claim: _Claim) -> Path:
        """The file that one process makes before it changes this claim.

        Its name is that of a temporary file, so that it is swept if it is left. A token comes from
        a file that anyone may have written, and so is no part of it.
        """
        digest = hashlib.sha256(claim.token.encode()).hexdigest()[:32]
        return path.with_name(f".{path.name}.{digest}")

    def _is_held(self, claim: _Claim, path: Path) -> bool:
        return not claim.is_dead and self._age(path) <= STALE

    def _age(self, path: Path) -> float:
        """Seconds since the claim was renewed, by the clock of the file system that holds it."""
        now = self.folder / ".now"
        now.touch()
        try:
            return now.stat().st_mtime - path.stat().st_mtime
        except FileNotFoundError:
            return float("inf")


def _renew(path: Path, done: threading.Event) -> None:
    while not done.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(path)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _read(path: Path) -> _Claim | None:
    """The claim in this file, or None where there is none."""
    try:
        content = path.read_bytes()
        written = path.stat().st_mtime_ns
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):
            return None
        raise
    with contextlib.suppress(ValueError, TypeError, KeyError):
        values = json.loads(content)
        return _Claim(str(values["host"]), int(values["pid"]), str(values["token"]))
    # without a token of its own it is known by its time
    return _Claim("", None, uuid.UUID(int=written).hex)


def _host() -> str:
    """This machine since its start and, on Linux, its space of process numbers.

    A name alone is not enough: several machines or containers may have the same.
    """
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        process_space = Path("/proc/self/ns/pid").readlink()
        return f"{platform.node()}/{boot}/{process_space}"
    return platform.node()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
