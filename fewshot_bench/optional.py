"""Libraries that an extra brings, imported where they are needed and without what they print on the way."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import warnings
from typing import Any

from fewshot_bench.errors import UserError

__all__ = ["library", "require"]


def require(who: str, name: str, extra: str) -> None:
    """Raise `UserError` where the library that `who` needs is not installed."""
    if importlib.util.find_spec(name.partition(".")[0]) is None:
        raise UserError(
            f"{who} needs {name.partition('.')[0]}, which is not installed; install fewshot-bench[{extra}]"
        )


def library(who: str, name: str, extra: str) -> Any:
    """The module of that name; its warnings and notices at import are no concern of the user's. Raises as `require`."""
    require(who, name, extra)
    with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings(action="ignore"):
        return importlib.import_module(name)
