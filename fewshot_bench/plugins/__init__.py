"""Where baselines and data sets are found: the project's open folders and those the user put on the path."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["folders"]


def folders(kind: str) -> list[str]:
    """Folders named `kind`: the checkout's, where there is one, then one under each root of $FEWSHOT_BENCH_PATH."""
    checkout = Path(__file__).resolve().parents[2]
    roots = [checkout] if (checkout / "pyproject.toml").is_file() else []
    roots += [Path(root) for root in os.environ.get("FEWSHOT_BENCH_PATH", "").split(os.pathsep) if root]
    return [str(root / kind) for root in roots if (root / kind).is_dir()]
