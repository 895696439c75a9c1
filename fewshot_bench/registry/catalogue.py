"""What there is: every baseline and data set with its source, and why one is broken; imports what their files import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fewshot_bench.baseline import Baseline
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Plugin, Registry, plugin_rule

__all__ = ["PluginRow", "listed_plugins"]

PluginRow = dict[str, Any]


def listed_plugins(registry: Registry) -> list[PluginRow]:
    """A row a plug-in or variant: kind, name and error; where that is empty title, source, year, about and settings."""
    rows = [_plugin_row("baseline", plugin, _of_baseline) for plugin in registry.every_baseline()]
    return rows + [
        _plugin_row("data set", plugin, _of_dataset) for plugin in registry.datasets.values()
    ]


def _plugin_row(
    kind: str, plugin: Plugin[Any], describe: Callable[[Plugin[Any]], PluginRow]
) -> PluginRow:
    try:
        settings = " ".join(plugin.load().settings_type.names())
        return {
            "kind": kind,
            "name": plugin.name,
            **describe(plugin),
            "settings": settings,
            "error": "",
        }
    except UserError as error:
        return {"kind": kind, "name": plugin.name, "error": str(error)}


def _of_baseline(plugin: Plugin[Baseline]) -> PluginRow:
    card = plugin.load().card
    about = [f"answers by {plugin_rule(plugin)}"]
    about += ["transductive"] if card.transductive else []
    about += [] if card.label_equivariant else ["depends on the order of the ways"]
    return {"title": card.title, "source": card.paper, "year": card.year, "about": ", ".join(about)}


def _of_dataset(plugin: Plugin[DataSet]) -> PluginRow:
    kind = plugin.load()
    card, names = kind.card, ", ".join(protocol.name for protocol in kind.protocols)
    about = "synthetic" if card.synthetic else "needs --data" if card.needs_path else ""
    about += f"; protocols {names}" if names else ""
    return {"title": card.title, "source": card.source, "year": card.year, "about": about}
