"""Libraries that an extra of fewshot-bench installs, imported only where they are needed."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import sys
import warnings
from typing import Any

from fewshot_bench.errors import UserError

__all__ = ["import_matplotlib", "library", "require"]


def require(who: str, name: str, extra: str) -> None:
    """Raise `UserError` if the library `name` is not installed.

    who: what needs it, for the message; extra: the extra of fewshot-bench that installs it.
    """
    package = name.partition(".")[0]
    if importlib.util.find_spec(package) is None:
        missing = f"{who} needs {package}, which" if who != package else package
        raise UserError(f"{missing} is not installed; install fewshot-bench[{extra}]")


def library(who: str, name: str, extra: str) -> Any:
    """Import the module `name` without its warnings and notices. Raises as `require` does."""
    require(who, name, extra)
    hidden = io.StringIO()
    with contextlib.redirect_stderr(hidden), warnings.catch_warnings(action="ignore"):
        return importlib.import_module(name)


def import_matplotlib() -> None:
    """Import matplotlib, whatever $MPLBACKEND names.

    A command that a notebook starts inherits the notebook's backend, which may not be installed
    beside the command. Nothing here needs it: pictures are drawn to files.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        matplotlib = importlib.import_module("matplotlib")
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend:
        # what matplotlib does itself; it refuses a backend that it cannot find
        with contextlib.suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
