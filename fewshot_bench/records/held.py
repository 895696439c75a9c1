"""What files and episodes give and may be needed again: held while it fits, else made anew."""

from __future__ import annotations

import atexit
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["HELD", "Held"]

Made = TypeVar("Made")

LIMIT = 192 * 2**20  # bytes


class Held:
    """Values by key, at most `limit` bytes of them: those that were used last."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0  # bytes held now
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Made], size: Callable[[Made], int]) -> Made:
        """The value of a key, made if it is not held. size: its bytes."""
        if key in self._values:
            self._values.move_to_end(key)
            value: Made = self._values[key][0]
            return value
        value = make()
        needed = size(value)
        if needed > self.limit:
            return value
        self._values[key] = (value, needed)
        self.size += needed
        while self.size > self.limit:
            _, (_, dropped) = self._values.popitem(last=False)
            self.size -= dropped
        return value

    def clear(self) -> None:
        """Drop all values."""
        self._values.clear()
        self.size = 0


HELD = Held(LIMIT)
# torch touches 100 MiB of its own pages when Python ends, which would come on top
atexit.register(HELD.clear)
