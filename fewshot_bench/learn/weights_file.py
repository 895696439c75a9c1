"""Weights from a file: `--weights PATH`. Files are read as data, and no code in them is run."""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED

__all__ = ["SUFFIXES", "WeightsFile", "is_path", "read_tensors", "without_path"]

SAFETENSORS = ".safetensors"
TORCH_SUFFIXES = (".pth", ".pt", ".bin", ".pth.tar")  # what torch.save writes
SUFFIXES = (SAFETENSORS, *TORCH_SUFFIXES)
# under one of these a training saves the weights beside its optimiser
CONTAINERS = ("state_dict", "model", "model_state_dict")
REMEDY = "save the weights alone with torch.save(model.state_dict(), FILE)"


def is_path(weights: str) -> bool:
    """Whether this is the path of a file, and no name of published weights."""
    has_folder = "/" in weights or os.sep in weights
    return has_folder or weights.endswith(SUFFIXES)


class WeightsFile(str):
    """The name of a file of weights, the last part of its path. A record shows nothing else.

    path: absolute. It travels with the settings of a plan, and is in no text made of them.
    """

    path: Path

    def __new__(cls, path: str | os.PathLike[str]) -> Self:
        """The name of the file at this path."""
        absolute = Path(path).expanduser().absolute()
        name = super().__new__(cls, absolute.name)
        name.path = absolute
        return name

    def __getnewargs__(self) -> tuple[str]:
        """What pickle and copy make it from."""
        return (str(self.path),)

    def sha256(self) -> str:
        """The SHA-256 of the file, 64 hex digits; raises `UserError` if it cannot be read."""
        self._check_is_file()
        status = self.path.stat()
        return _sha256(self.path, status.st_size, status.st_mtime_ns)

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name, out of the containers that trainings save them in.

        Raises `UserError` if there is no such file, or if it is damaged, empty or holds code.
        """
        self._check_is_file()
        return read_tensors(self.path)

    def _check_is_file(self) -> None:
        if self.path.is_dir():
            raise UserError(f"weights {self!s} are a folder; name a file in it with --weights")
        if not self.path.is_file():
            raise UserError(f"weights file {self!s} is not there; check the path after --weights")


def without_path(weights: object) -> object:
    """The name alone of a file of weights; other values as they are."""
    if isinstance(weights, str) and is_path(weights):
        return Path(weights).name
    return weights


@functools.lru_cache(maxsize=8)
def _sha256(path: Path, size: int, changed: int) -> str:
    """size, changed: of the file now. They tell a cached digest from that of a new file."""
    del size, changed
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, in its order, on the processor.

    Raises `UserError` if it is empty or damaged, or if it holds code or anything but tensors.
    """
    content = _without_container(_content(path))
    if not isinstance(content, Mapping) or not content:
        raise UserError(f"weights file {path.name} holds no weights by name; {REMEDY}")
    tensors: dict[str, Tensor] = {}
    for name, value in content.items():
        if not isinstance(name, str) or not _is_dense(value):
            shown = ascii(name)[:60]
            raise UserError(
                f"weights file {path.name} holds {shown}, which is no dense tensor; {REMEDY}"
            )
        tensors[name] = value
    return tensors


def _without_container(content: Any) -> Any:
    """What stands under one of the names that trainings use, or all."""
    if isinstance(content, Mapping):
        for name in CONTAINERS:
            inner = content.get(name)
            if isinstance(inner, Mapping):
                return inner
    return content


def _is_dense(value: object) -> bool:
    """Whether it is an ordinary tensor, which a network can take."""
    if not isinstance(value, Tensor):
        return False
    return value.layout == torch.strided and not value.is_quantized and not value.is_meta


def _content(path: Path) -> Any:
    """What is saved in the file."""
    try:
        if path.stat().st_size == 0:
            raise UserError(f"weights file {path.name} is empty; copy it again")
        if path.name.endswith(SAFETENSORS):
            return _safetensors(path)
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # torch names what it did not load: "... Unsupported global: GLOBAL os.system ..."
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        if found is None:
            reason = ValueError("not what torch.save writes, or damaged")
            raise _unreadable(path, reason) from None
        raise UserError(
            f"weights file {path.name} holds Python objects ({found[1]}), which may run code and "
            f"are not loaded; {REMEDY}"
        ) from None
    except DAMAGED as error:
        raise _unreadable(path, error) from None


def _safetensors(path: Path) -> dict[str, Tensor]:
    # imported on use, as for start-up
    import safetensors
    import safetensors.torch

    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> UserError:
    """The error for a file that is damaged, or not of the format that its ending says."""
    # torch's messages are long and may name the path
    reason = str(error).replace(str(path), path.name).partition("\n")[0][:80]
    endings = ", ".join(SUFFIXES)
    return UserError(
        f"weights file {path.name} cannot be read ({type(error).__name__}: {reason}); "
        f"copy it again (allowed: {endings})"
    )
