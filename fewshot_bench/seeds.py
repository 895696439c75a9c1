"""Every random number starts here: seeds are derived by hashing what they are for."""

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
    """SHA-256 (64 hex digits) of JSON-serialisable `parts` in a canonical form."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def derive(*parts: object) -> int:
    """A seed in [0, 2**63) that depends on `parts` alone."""
    return int(digest(*parts)[:16], 16) >> 1


@contextlib.contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed Python's, numpy's and torch's global generators, and put their states back afterwards."""
    devices = list(range(torch.cuda.device_count()))
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=devices):
        seed_all(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


def seed_all(seed: int) -> None:
    """Seed the global generators for good: within `global_seed`, which puts back what they were."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def generators_reset_by(act: Callable[[int], object]) -> list[str]:
    """Names of the global generators to which `act`, given a seed, gives a state that depends on no seed.

    It is called under two seeds: a generator that it draws from, or leaves alone, ends in two states.
    """
    ends: list[dict[str, object]] = []
    for seed in (1, 2):
        with global_seed(seed):
            act(seed)
            numpy_key, numpy_position = np.random.get_state(legacy=False)["state"].values()
            ends.append({
                "random": random.getstate(),
                "numpy.random": (numpy_key.tobytes(), numpy_position),
                "torch": torch.random.get_rng_state().numpy().tobytes(),
            })  # fmt: skip
    first, second = ends
    return [name for name, state in first.items() if state == second[name]]
