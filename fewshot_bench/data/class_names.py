"""Names for classes that the data names otherwise, such as 0 and 1."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence

from fewshot_bench.errors import UserError, unknown

__all__ = ["named_pairs", "renamed_classes"]


def named_pairs(flag: str, text: str) -> dict[str, str]:
    """The pairs of an option such as `path=a,label=b`.

    A pair with a comma stands in double quotes. Raises `UserError` for a part without `=`, and for
    a name that comes twice.
    """
    pairs: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not equals or not name:
            raise UserError(
                f"{flag} {text!r} has the part {part!r}; write NAME=VALUE with one comma between, "
                "and a part that has a comma in double quotes: '\"a, b=c\"'"
            )
        if name in pairs:
            raise UserError(f"{flag} {text!r} names {name!r} twice; name it once")
        pairs[name] = value.strip()
    return pairs


def renamed_classes(classes: Sequence[str], class_names: str) -> tuple[list[str], list[str]]:
    """(classes under the names of `--class-names 0=good,1=crack`, notes on what becomes one class).

    A class without a new name keeps its own. Raises `UserError` for a name of no class.
    """
    names = named_pairs("--class-names", class_names)
    known = sorted(set(classes))
    for name, new in names.items():
        if name not in known:
            raise unknown("label of --class-names", name, known)
        if not new:
            raise UserError(f"--class-names {name}= has no name behind it; write {name}=NAME")
    sources: dict[str, list[str]] = defaultdict(list)
    for name in known:
        sources[names.get(name, name)].append(name)
    notes = []
    for new, merged in sources.items():
        if len(merged) > 1:
            notes.append(f"{', '.join(merged)} are read as one class, {new} (--class-names)")
    return [names.get(name, name) for name in classes], notes
