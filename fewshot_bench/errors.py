"""The errors that users read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["PLUGIN_ERRORS", "Diverged", "NotApplicable", "Unavailable", "UserError", "unknown"]

# what the code of a plug-in may raise: it is reported, and nothing else stops
PLUGIN_ERRORS = (Exception, SystemExit)
MOST_LISTED = 100  # names in one message; of more, only the number is given


class UserError(Exception):
    """A mistake that the user can correct.

    The text is one line: the value, what is allowed, and the remedy.
    """

    def __init__(self, message: str) -> None:
        words = message.split()
        super().__init__(" ".join(words))


class Unavailable(UserError):
    """A download, such as published weights, failed. The text says how to get it."""


class Diverged(Exception):
    """Training or embedding gave a number that is not finite. The text says where."""


class NotApplicable(Exception):
    """A baseline cannot answer these episodes at all. The text says why."""


def unknown(what: str, value: str, allowed: Iterable[str], remedy: str = "") -> UserError:
    """The error for a name that is not in `allowed`. It suggests the nearest name.

    what: the noun for the message, for instance "class of neu"; remedy: a last part of the message.
    """
    names = list(allowed)
    folded = {name.casefold(): name for name in names}
    nearest = difflib.get_close_matches(value.casefold(), folded, n=1, cutoff=0.5)
    message = f"unknown {what} {value!r}"
    if nearest:
        suggestion = folded[nearest[0]]
        message += f"; did you mean {suggestion!r}?"
    message += f" (allowed: {_listed(names)})"
    if remedy:
        message += f"; {remedy}"
    return UserError(message)


def _listed(names: list[str]) -> str:
    if not names:
        return "none"
    if len(names) > MOST_LISTED:
        return f"{len(names)} names"
    return ", ".join(f'"{name}"' if "," in name else name for name in names)
