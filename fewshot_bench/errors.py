"""What can go wrong, as a user is told it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["PLUGIN_ERRORS", "Diverged", "NotApplicable", "Unavailable", "UserError", "unknown"]

PLUGIN_ERRORS = (
    Exception,
    SystemExit,
)  # whatever a stranger's code raises is told, and breaks nothing else
MOST_LISTED = 100  # names that one line holds


class UserError(Exception):
    """A mistake the user can mend; its text is one line: the value, what is allowed, the remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Unavailable(UserError):
    """Something that lies elsewhere, such as published weights, cannot be fetched; the text says how to come by it."""


class Diverged(Exception):
    """Training or embedding left the finite numbers; the text says where."""


class NotApplicable(Exception):
    """A baseline cannot answer this question at all; the text says why."""


def unknown(what: str, value: str, allowed: Iterable[str], remedy: str = "") -> UserError:
    """The error for a name that is not among `allowed`, with the nearest one suggested."""
    names = list(allowed)
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(value.casefold(), folded, n=1, cutoff=0.5)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
    listed = ", ".join(names) if names else "none"
    if len(names) > MOST_LISTED:
        listed = f"{len(names)} names"
    return UserError(
        f"unknown {what} {value!r}{hint} (allowed: {listed}){'; ' if remedy else ''}{remedy}"
    )
