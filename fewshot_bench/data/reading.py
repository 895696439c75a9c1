"""How far the reading of a data set is, told to whoever listens.

A listener is a context, so that it reaches what data sets of plug-ins read too.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["OnReading", "Reading", "listening", "tell_reading", "told"]

EVERY = 0.1  # seconds between two steps that are told

Item = TypeVar("Item")


@dataclass(frozen=True)
class Reading:
    """How far a stage is. total: 0 where it is not known."""

    stage: str
    done: int
    total: int


OnReading = Callable[[Reading], None]
_listener: ContextVar[OnReading | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def listening(on_reading: OnReading | None) -> Iterator[None]:
    """Tell `on_reading` how far the reading in the block is; None: tell nobody."""
    token = _listener.set(on_reading)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_reading(stage: str, done: int = 0, total: int = 0) -> None:
    """Tell how far a stage is."""
    on_reading = _listener.get()
    if on_reading is not None:
        on_reading(Reading(stage, done, total))


def told(items: Iterable[Item], stage: str, total: int = 0) -> Iterator[Item]:
    """The items; how many are done is told every tenth of a second, and at the end."""
    tell_reading(stage, 0, total)
    last = time.perf_counter()
    done = 0
    for item in items:
        yield item
        done += 1
        now = time.perf_counter()
        if now - last > EVERY:
            tell_reading(stage, done, total)
            last = now
    tell_reading(stage, done, total)
