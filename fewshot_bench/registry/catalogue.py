"""The list of all baselines and data sets, with their sources, and why one is broken.

Making it executes the file of every plug-in.
"""

from __future__ import annotations

from typing import Any

from fewshot_bench.baseline import Baseline
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Plugin, Registry, plugin_rule

__all__ = ["PluginRow", "listed_plugins"]

PluginRow = dict[str, Any]


def listed_plugins(registry: Registry) -> list[PluginRow]:
    """One row for each plug-in or variant.

    Columns: kind, name and error; where that is empty also title, source, year, about, settings.
    """
    rows: list[PluginRow] = []
    for plugin in registry.every_baseline():
        row: PluginRow = {"kind": "baseline", "name": plugin.name, "error": ""}
        try:
            row.update(_baseline_columns(plugin))
        except UserError as error:
            row["error"] = str(error)
        rows.append(row)
    for dataset in registry.datasets.values():
        row = {"kind": "data set", "name": dataset.name, "error": ""}
        try:
            row.update(_dataset_columns(dataset))
        except UserError as error:
            row["error"] = str(error)
        rows.append(row)
    return rows


def _baseline_columns(plugin: Plugin[Baseline]) -> PluginRow:
    baseline_class = plugin.load()
    card = baseline_class.card
    about = [f"answers by {plugin_rule(plugin)}"]
    if card.transductive:
        about.append("transductive")
    if not card.label_equivariant:
        about.append("depends on the order of the ways")
    return {
        "title": card.title,
        "source": card.paper,
        "year": card.year,
        "about": ", ".join(about),
        "settings": " ".join(baseline_class.settings_type.names()),
    }


def _dataset_columns(plugin: Plugin[DataSet]) -> PluginRow:
    dataset_class = plugin.load()
    card = dataset_class.card
    about = ""
    if card.synthetic:
        about = "synthetic"
    elif card.needs_path:
        about = "needs --data"
    protocol_names = [protocol.name for protocol in dataset_class.protocols]
    if protocol_names:
        about += f"; protocols {', '.join(protocol_names)}"
    return {
        "title": card.title,
        "source": card.source,
        "year": card.year,
        "about": about,
        "settings": " ".join(dataset_class.settings_type.names()),
    }
