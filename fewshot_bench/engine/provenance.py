"""Where a result comes from: version, commit, packages, device, start. No host, user or folder."""

from __future__ import annotations

import contextlib
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from fewshot_bench.records.record import Provenance

__all__ = ["device_name", "provenance"]

# timm, which makes the default encoder, is an extra
PACKAGES = ("numpy", "pandas", "pillow", "safetensors", "scipy", "timm", "torch", "torchvision")
# options whose values are no paths, though they may have a slash
NO_PATHS = ("--group-by", "--label-columns", "--class-names")
CHECKOUT = Path(__file__).resolve().parents[2]


def provenance(device: torch.device) -> Provenance:
    """Of this process at this moment."""
    commit, is_dirty = _commit()
    now = datetime.now(UTC)
    return Provenance(
        version=version("fewshot-bench"),
        commit=commit,
        dirty=is_dirty,
        python=platform.python_version(),
        packages=_packages(),
        device=device_name(device),
        threads=torch.get_num_threads(),
        instructions=torch.backends.cpu.get_cpu_capability(),
        started=now.isoformat(timespec="milliseconds"),
        argv=tuple(_without_folders(sys.argv)),
    )


def device_name(device: torch.device) -> str:
    """The name of a processor or GPU in records."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} processor"


@lru_cache
def _packages() -> dict[str, str]:
    """The versions of those that are installed."""
    versions = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


@lru_cache
def _commit() -> tuple[str, bool]:
    """The commit of the checkout and whether files were edited since; ("", False) without one."""
    if not (CHECKOUT / ".git").exists():
        return "", False
    try:
        commit = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "", False
    return commit, bool(changes)


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(CHECKOUT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()


def _without_folders(arguments: Sequence[str]) -> list[str]:
    """The arguments with their paths cut."""
    shown = []
    before = ""
    for argument in arguments:
        is_no_path = before in NO_PATHS or argument.partition("=")[0] in NO_PATHS
        shown.append(argument if is_no_path else _last_part(argument))
        before = argument
    return shown


def _last_part(argument: str) -> str:
    """An argument with its path cut: `--data=/home/me/NEU.zip` -> `--data=NEU.zip`."""
    option, equals, value = argument.partition("=")
    if equals and option.startswith("--"):
        return f"{option}={Path(value).name}"
    return Path(argument).name if "/" in argument else argument
