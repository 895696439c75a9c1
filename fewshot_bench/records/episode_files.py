"""Files of episodes, as `bench episodes` writes them and `--episodes-file` reads them.

Shapes: T episodes, N ways, K shots, Q queries a class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED, write_atomically
from fewshot_bench.protocols.episode import Episodes
from fewshot_bench.protocols.stored import protocol_of

__all__ = ["read_episodes", "write_episodes"]

Json = dict[str, Any]


def write_episodes(path: Path, episodes: Mapping[int, Episodes], about: Json) -> None:
    """Write episodes by shot value and their description as one `.npz`.

    Arrays `K/classes` (T, N), `K/support` (T, N, K) and `K/query` (T, N, Q), int32, of each shot
    value K; `about`: JSON.
    """
    description = json.dumps(about).encode()
    arrays: dict[str, Any] = {"about": np.frombuffer(description, dtype=np.uint8)}
    for shots, part in episodes.items():
        arrays[f"{shots}/classes"] = part.classes_TN.astype(np.int32)
        arrays[f"{shots}/support"] = part.support_TNK.astype(np.int32)
        arrays[f"{shots}/query"] = part.query_TNQ.astype(np.int32)
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))


def read_episodes(path: Path) -> tuple[dict[int, Episodes], Json]:
    """The episodes by shot value and their description.

    Raises `UserError` where the file is missing or holds something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            protocol_of(about["protocol"])
            if not isinstance(about["dataset_digest"], str):
                raise TypeError("its data set has no digest")
            episodes = {}
            for shots in about["protocol"]["shots"]:
                episodes[shots] = Episodes(
                    stored[f"{shots}/classes"].astype(np.int64),
                    stored[f"{shots}/support"].astype(np.int64),
                    stored[f"{shots}/query"].astype(np.int64),
                )
    except DAMAGED as error:
        raise UserError(
            f"{path} is not a file of episodes ({error}); make one with bench episodes"
        ) from None
    return episodes, about
