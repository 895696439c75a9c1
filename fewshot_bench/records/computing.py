"""What the trainings of a folder are computed with: settled by the first, and kept to by all.

Arithmetic in bf16, a GPU in the place of a processor, and another number of threads change the
digits of a training, so that machines that differ in them would not share its work.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fewshot_bench.errors import UserError
from fewshot_bench.files import create_whole

__all__ = ["KINDS", "MOST_THREADS", "Computing", "read_computing", "settle", "threads_text"]

KINDS = ("cpu", "cuda")  # of devices
PATIENCE = 1.0  # seconds in which an empty file may be written
LOOK_AGAIN = 0.01  # seconds
MOST_THREADS = 1024


@dataclass(frozen=True)
class Computing:
    """What trainings are computed with.

    device: cpu or cuda; bf16: whether they compute in it where that is faster, else in float32;
    threads: of a training on a processor, None on a GPU.
    """

    device: str
    bf16: bool
    threads: int | None

    def __str__(self) -> str:
        precision = "bf16" if self.bf16 else "float32"
        threads = "" if self.threads is None else f", {threads_text(self.threads)}"
        return f"{self.device}, {precision}{threads}"


def threads_text(threads: int) -> str:
    """A number of threads in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def read_computing(path: Path) -> Computing | None:
    """What stands in the file, or None without one. Raises `UserError` where it cannot be read."""
    try:
        content = _content(path)
    except FileNotFoundError:
        return None
    try:
        return _checked(Computing(**json.loads(content)))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); remove it, and the next training settles it by the "
            "records of its folder"
        ) from None


def _content(path: Path) -> bytes:
    """What stands in the file. On a disk without hard links it is empty until it is written."""
    until = time.monotonic() + PATIENCE
    while True:
        content = path.read_bytes()
        if content or time.monotonic() > until:
            return content
        time.sleep(LOOK_AGAIN)


def settle(path: Path, computing: Computing) -> Computing:
    """Write the file unless it is there; what stands in it now.

    Of several processes at once one writes it, and the others read what it wrote.
    """
    text = json.dumps(asdict(computing), indent=1) + "\n"
    if create_whole(path, text.encode()):
        return computing
    return read_computing(path) or computing


def _checked(computing: Computing) -> Computing:
    """Raise `ValueError` for values that a run never writes."""
    if computing.device not in KINDS:
        raise ValueError(f"device is {computing.device!r}, not {' or '.join(KINDS)}")
    if not isinstance(computing.bf16, bool):
        raise ValueError(f"bf16 is {computing.bf16!r}, not true or false")
    threads = computing.threads
    if computing.device != "cpu" and threads is not None:
        raise ValueError(f"threads is {threads!r}, not null, on {computing.device}")
    if computing.device == "cpu" and not _is_number_of_threads(threads):
        raise ValueError(f"threads is {threads!r}, not a number from 1 to {MOST_THREADS}")
    return computing


def _is_number_of_threads(value: object) -> bool:
    return type(value) is int and 0 < value <= MOST_THREADS
