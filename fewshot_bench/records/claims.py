"""Which process computes what, so that several processes never do the same work at once.

The processes may run on one machine or on many that share a folder. A claim is a file that names
its holder. The holder renews the file's time while it lives. The claim of a dead process is taken
over: at once if the process ran on this machine, else when its time has not been renewed for
`STALE` seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

__all__ = ["Claims"]

BEAT = 5.0  # seconds between renewals
STALE = 60.0  # seconds without a renewal, after which a claim is taken over


class Claims:
    """The claims in one folder, which every process that shares it must be able to write."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[str]:
        """Claim `name` for the block. Yields an empty text if that succeeded, else the holder."""
        path = self.folder / f"{name}.json"
        token = uuid.uuid4().hex
        with self.lock():
            holder = self._holder(path)
            if not holder:
                claim = {"host": _host(), "pid": os.getpid(), "token": token}
                path.write_text(json.dumps(claim))
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
            with self.lock():
                # another process may have taken the claim over while this one was suspended
                if _read(path).get("token") == token:
                    path.unlink(missing_ok=True)

    def lock(self) -> FileLock:
        """A lock that is held for moments, while claims or tables are read and written."""
        return FileLock(self.folder / ".lock")

    def _holder(self, path: Path) -> str:
        """The process that holds the claim now, or an empty text."""
        claim = _read(path)
        if not claim:
            return ""
        host = str(claim.get("host"))
        pid = claim.get("pid")
        if host == _host() and isinstance(pid, int) and not _is_alive(pid):
            return ""
        if self._age(path) > STALE:
            return ""
        machine = host.partition("/")[0]
        return f"process {pid} on {machine}"

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


def _read(path: Path) -> dict[str, object]:
    """The content of a claim; empty where there is none or where its writer died too early."""
    try:
        claim = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return claim if isinstance(claim, dict) else {}


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
