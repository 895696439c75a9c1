"""Where a result comes from: version, commit, packages, device and start; no host, user or folder name."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

__all__ = ["provenance"]

PACKAGES = ("numpy", "pandas", "pillow", "safetensors", "scipy", "torch", "torchvision")


def provenance(device: torch.device) -> dict[str, Any]:
    """JSON-serialisable, of this process at this moment."""
    return {
        "version": version("fewshot-bench"),
        **_commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"{platform.machine()} processor",
        "threads": torch.get_num_threads(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "argv": [_last_part(word) for word in sys.argv],
    }


@lru_cache
def _commit() -> dict[str, Any]:
    """The commit of the checkout and whether it was edited since; empty where the package is installed."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return {}
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(checkout), *words],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"commit": commit.stdout.strip(), "dirty": bool(changes.stdout.strip())}


def _last_part(word: str) -> str:
    """`--data=/home/me/NEU.zip` -> `--data=NEU.zip`."""
    option, equals, value = word.partition("=")
    return (
        f"{option}={Path(value).name}"
        if equals and option.startswith("--")
        else Path(word).name
        if "/" in word
        else word
    )
