"""The card of a method, a rule or an engine: what it is, and where it was published."""

from __future__ import annotations

from dataclasses import dataclass

from fewshot_bench.published import Published

__all__ = ["Card"]


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a method or rule is and where it was published.

    standard: it runs if the user names no baseline; standard_rules: the rules it then answers by;
    transductive: its answer to a query may depend on the other queries; label_equivariant:
    permuting the ways permutes its answers; published: accuracies that papers print, shown beside
    the measured ones and never ranked with them.
    """

    title: str
    paper: str
    year: int | None = None
    standard: bool = False
    standard_rules: tuple[str, ...] = ("own",)
    transductive: bool = False
    label_equivariant: bool = True
    published: tuple[Published, ...] = ()
