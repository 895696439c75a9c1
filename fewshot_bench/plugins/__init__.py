"""Where baselines and data sets are found: the project's open folders and those the user put on the path."""

from __future__ import annotations

import os
from pathlib import Path

from fewshot_bench.errors import UserError

__all__ = ["KINDS", "folders"]

KINDS = ("baselines", "episodes")  # folders: of baselines, of data sets


def folders(kind: str) -> list[str]:
    """Folders named `kind`: the checkout's, where there is one, then one under each root of $FEWSHOT_BENCH_PATH.

    Raises `UserError` where a root has no such folder of any kind: nothing would be found in it.
    """
    checkout = Path(__file__).resolve().parents[2]
    roots = [checkout] if (checkout / "pyproject.toml").is_file() else []
    for root in (
        Path(root) for root in os.environ.get("FEWSHOT_BENCH_PATH", "").split(os.pathsep) if root
    ):
        if not any((root / name).is_dir() for name in KINDS):
            raise UserError(
                f"$FEWSHOT_BENCH_PATH names {root}, which has no folder {' or '.join(KINDS)}; make one for your files"
            )
        roots.append(root)
    return [str(root / kind) for root in roots if (root / kind).is_dir()]
