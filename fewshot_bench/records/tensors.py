"""Tensors on disk: checkpoints, features and pair scores, each file with a description."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fewshot_bench.errors import UserError
from fewshot_bench.files import DAMAGED, write_atomically

__all__ = ["check_space", "load_tensors", "read_about", "save_tensors"]

Json = dict[str, Any]


def save_tensors(path: Path, tensors: Mapping[str, Tensor], about: Json) -> None:
    """Keep tensors and their description in the file `path`."""
    plain = {}
    for name, tensor in tensors.items():
        plain[name] = tensor.detach().cpu().contiguous()
    content = save(plain, metadata={"about": json.dumps(about)})
    write_atomically(path, lambda file: file.write(content))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], Json] | None:
    """The tensors in the file and their description, or None where there is no file.

    Raises `UserError` where the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, *DAMAGED) as error:
        raise _damaged(path, error) from None
    return tensors, about


def read_about(path: Path) -> Json | None:
    """The description alone; the tensors are not read. None and `UserError` as `load_tensors`."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            about: Json = json.loads(file.metadata()["about"])
    except (SafetensorError, *DAMAGED) as error:
        raise _damaged(path, error) from None
    return about


def _damaged(path: Path, error: BaseException) -> UserError:
    return UserError(f"{path} is damaged ({error}); remove it and run again")


def check_space(folder: Path, size: int) -> None:
    """Raise `UserError` where the disk cannot hold two files of `size` bytes: old and new."""
    mebibyte = 2**20
    free = shutil.disk_usage(folder).free / mebibyte
    needed = 2 * size / mebibyte
    if free < needed:
        raise UserError(
            f"the disk of --out has {free:.0f} MiB free and a training needs {needed:.0f} to be "
            "kept; make room or name a folder on another disk"
        )
