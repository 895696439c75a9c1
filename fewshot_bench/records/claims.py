"""Who is computing what: several processes, on one machine or on many over a shared folder, never do the same at once.

A claim is a file that names its holder and whose time is renewed while the holder lives. One of a dead process is taken
over: at once where it lived here, else when its time has not been renewed for `STALE` seconds.
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

BEAT, STALE = 5.0, 60.0  # seconds between renewals; without one, until a claim is taken over


class Claims:
    """The claims kept in one folder, which every process that shares it must be able to write."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[str]:
        """Claim `name` for the block: yields nothing where that succeeded, else who holds it."""
        path, token = self.folder / f"{name}.json", uuid.uuid4().hex
        with self.lock():
            holder = self._holder(path)
            if not holder:
                path.write_text(json.dumps({"host": _host(), "pid": os.getpid(), "token": token}))
        if holder:
            yield holder
            return
        done = threading.Event()
        beat = threading.Thread(target=_renew, args=(path, done), daemon=True)
        beat.start()
        try:
            yield ""
        finally:
            done.set()
            beat.join()
            with self.lock():
                if _read(path).get("token") == token:
                    path.unlink(missing_ok=True)

    def lock(self) -> FileLock:
        """Held for moments, while claims or tables are looked at and written."""
        return FileLock(self.folder / ".lock")

    def _holder(self, path: Path) -> str:
        """Who holds the claim now, or nothing."""
        claim = _read(path)
        if not claim:
            return ""
        host, pid = str(claim.get("host")), claim.get("pid")
        if host == _host() and isinstance(pid, int) and not _lives(pid):
            return ""
        return "" if self._age(path) > STALE else f"process {pid} on {host.partition('/')[0]}"

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
    """What a claim says; nothing where there is none or where its writer died before the end."""
    try:
        claim = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return claim if isinstance(claim, dict) else {}


def _host() -> str:
    """This machine since it was started and, where there are such, its space of process numbers: names are not unique."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()}/{boot}/{Path('/proc/self/ns/pid').readlink()}"
    return platform.node()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
