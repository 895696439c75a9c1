"""What a check found, and how checks are run one after another."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from fewshot_bench.contract.expectations import ContractBroken
from fewshot_bench.contract.leaks import Leak
from fewshot_bench.data.reading import told
from fewshot_bench.errors import PLUGIN_ERRORS, NotApplicable, Unavailable, UserError

__all__ = ["Finding", "Raised", "described", "findings"]

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Finding:
    """The result of one check of one plug-in.

    message: what was expected, what came and why it matters, or why it was not checked.
    """

    check: str
    status: Literal["ok", "broken", "not checked"]
    message: str = ""


@dataclass(frozen=True)
class Raised:
    """What is said where a plug-in raises an error: what was expected of it, and why."""

    expected: str
    why: str


def findings(
    subject: Subject,
    checks: Mapping[str, Callable[[Subject], None]],
    essential: Collection[str],
    plugin_class: type[Any],
    raised: Raised,
) -> Iterator[Finding]:
    """Run one check after another. What the plug-in raises is a finding, not an error.

    essential: names of checks; where one is broken, what the later checks find says nothing.
    """
    broken = ""
    stage = f"checking {plugin_class.__name__}"
    for name, check in told(checks.items(), stage, len(checks)):
        if broken:
            yield Finding(name, "not checked", f"mend {broken!r} first")
            continue
        finding = _finding(subject, name, check, plugin_class, raised)
        yield finding
        if name in essential and finding.status != "ok":
            broken = name


def _finding(
    subject: Subject,
    name: str,
    check: Callable[[Subject], None],
    plugin_class: type[Any],
    raised: Raised,
) -> Finding:
    try:
        check(subject)
    except (NotApplicable, Unavailable) as reason:
        return Finding(name, "not checked", str(reason))
    except Leak as reason:
        expected = "expected answers that leave all as it was"
        why = "One episode must not influence the answers to another."
        return Finding(name, "broken", f"{expected}; {reason}. {why}")
    except (ContractBroken, UserError) as reason:
        return Finding(name, "broken", str(reason))
    except PLUGIN_ERRORS as error:
        came = described(error, plugin_class)
        message = f"expected {raised.expected}; came {came}. {raised.why}"
        return Finding(name, "broken", message)
    return Finding(name, "ok")


def described(error: BaseException, plugin_class: type[Any]) -> str:
    """What a plug-in raised, on one line, and where in its file."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    file = inspect.getfile(plugin_class)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            return f"{text} ({Path(file).name}, line {frame.lineno})"
    return text
