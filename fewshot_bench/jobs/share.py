"""What a machine has: cores, memory, GPUs, and the share of them that each of several jobs gets."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import torch

__all__ = ["automatic_jobs", "cores", "free_memory", "jobs_on_gpus", "threads_each", "visible_gpus"]

MEMORY_OF_A_JOB = 3 * 2**30  # bytes: an estimate
ROUNDING = 1e-9  # 1 / 0.1 is a little less than 10


def automatic_jobs(*, cores: int, memory: int | None, on_gpus: int | None) -> int:
    """How many trainings fit on a machine: one a core, 3 GiB of free memory each, and at least one.

    memory: bytes that are free, None: not known; on_gpus: how many fit on the GPUs, None: they
    are not used.
    """
    bounds = [cores]
    if memory is not None:
        bounds.append(memory // MEMORY_OF_A_JOB)
    if on_gpus is not None:
        bounds.append(on_gpus)
    return max(1, min(bounds))


def jobs_on_gpus(gpus: int, share: float) -> int:
    """How many jobs fit on so many GPUs, if each takes this share of one."""
    return gpus * int(1 / share + ROUNDING)


def threads_each(jobs: int) -> int:
    """Threads of each of so many jobs on this machine."""
    return max(1, min(torch.get_num_threads(), cores() // jobs))


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def visible_gpus() -> tuple[str, ...]:
    """The GPUs that torch sees, as CUDA_VISIBLE_DEVICES names each of them."""
    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in named.split(",") if name.strip()]
    if len(names) < count:
        names = [str(number) for number in range(count)]
    return tuple(names[:count])


def free_memory() -> int | None:
    """Bytes that are free on this machine, or in its container; None if nobody says."""
    found = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024 * int(line.split()[1]))
    with contextlib.suppress(OSError, ValueError):  # "max" is no number
        folder = Path("/sys/fs/cgroup")
        limit = int((folder / "memory.max").read_text())
        found.append(limit - int((folder / "memory.current").read_text()))
    return min(found) if found else None
