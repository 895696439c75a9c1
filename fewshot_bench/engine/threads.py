"""The number of threads that torch takes: it changes the last digits of a training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

__all__ = ["threads_set"]


@contextlib.contextmanager
def threads_set(threads: int | None) -> Iterator[None]:
    """So many threads within the block; None: as many as there are."""
    before = torch.get_num_threads()
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
