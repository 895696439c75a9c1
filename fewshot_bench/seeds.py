"""Seeds and digests: every seed is a hash of what it is for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Callable, Iterator

import numpy as np
import torch

__all__ = ["derive", "digest", "generators_reset_by", "global_seed", "seed_all"]


def digest(*parts: object) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON text of `parts`."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def derive(*parts: object) -> int:
    """A seed in [0, 2**63) that depends only on `parts`, which must be JSON-serialisable."""
    sixty_four_bits = int(digest(*parts)[:16], 16)
    return sixty_four_bits >> 1


@contextlib.contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed the global generators of Python, numpy and torch; at the end, restore their states."""
    devices = list(range(torch.cuda.device_count()))
    python_state = random.getstate()
    numpy_state = np.random.get_state()
    with torch.random.fork_rng(devices=devices):
        seed_all(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def seed_all(seed: int) -> None:
    """Seed the global generators of Python, numpy and torch. `global_seed` also restores them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generators_reset_by(act: Callable[[int], object]) -> list[str]:
    """Names of the global generators whose state after `act(seed)` does not depend on the seed.

    `act` is called under two seeds. A generator that it draws from, or does not touch, ends in two
    different states; a generator that it seeds with a constant ends in the same state twice.
    """
    first = _states_after(act, 1)
    second = _states_after(act, 2)
    return [name for name, state in first.items() if state == second[name]]


def _states_after(act: Callable[[int], object], seed: int) -> dict[str, object]:
    """Generator name -> its state after `act`."""
    with global_seed(seed):
        act(seed)
        numpy_state = np.random.get_state(legacy=False)["state"]
        numpy_key, numpy_position = numpy_state.values()
        torch_state = torch.random.get_rng_state()
        return {
            "random": random.getstate(),
            "numpy.random": (numpy_key.tobytes(), numpy_position),
            "torch": torch_state.numpy().tobytes(),
        }
