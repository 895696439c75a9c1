"""What there is: every baseline and data set with its source, and why one is broken; imports what their files import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from fewshot_bench.baseline import Baseline
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.registry import Plugin, Registry, decided_by

__all__ = ["described", "show"]

Row = dict[str, Any]


def described(registry: Registry) -> list[Row]:
    """A row a plug-in or variant: kind, name and error; where that is empty title, source, year, about and settings."""
    rows = [_row("baseline", plugin, _of_baseline) for plugin in registry.every_baseline()]
    return rows + [_row("data set", plugin, _of_dataset) for plugin in registry.datasets.values()]


def _row(kind: str, plugin: Plugin[Any], describe: Callable[[Plugin[Any]], Row]) -> Row:
    try:
        settings = " ".join(plugin.load().settings_type.names())
        return {"kind": kind, "name": plugin.name, **describe(plugin), "settings": settings, "error": ""}
    except UserError as error:
        return {"kind": kind, "name": plugin.name, "error": str(error)}


def _of_baseline(plugin: Plugin[Baseline]) -> Row:
    card = plugin.load().card
    about = [f"answers by {decided_by(plugin)}"]
    about += ["transductive"] if card.transductive else []
    about += [] if card.label_equivariant else ["depends on the order of the ways"]
    return {"title": card.title, "source": card.paper, "year": card.year, "about": ", ".join(about)}


def _of_dataset(plugin: Plugin[DataSet]) -> Row:
    kind = plugin.load()
    card, names = kind.card, ", ".join(protocol.name for protocol in kind.protocols)
    about = "synthetic" if card.synthetic else "needs --data" if card.needs_path else ""
    about += f"; protocols {names}" if names else ""
    return {"title": card.title, "source": card.source, "year": card.year, "about": about}


def show(console: Console, rows: list[Row]) -> None:
    """Baselines and data sets, and why one is broken."""
    for kind in dict.fromkeys(row["kind"] for row in rows):
        table = Table("name", "title", "source", "year", "", title=f"{kind}s", title_justify="left", expand=False)
        for row in rows:
            if row["kind"] == kind and not row["error"]:
                table.add_row(row["name"], row["title"], row["source"], str(row["year"] or ""), row["about"])
        console.print(table)
    for row in rows:
        if row["error"]:
            console.print(f"not usable: {row['name']}: {row['error']}", highlight=False, markup=False, soft_wrap=True)
