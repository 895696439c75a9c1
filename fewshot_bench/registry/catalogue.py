"""The list of all plug-ins with their sources, and why one is broken.

Making it executes the file of every plug-in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from fewshot_bench.baseline import Baseline, Card
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.jobs.engine import Engine
from fewshot_bench.registry.registry import Plugin, PluginT, Registry, plugin_rule
from fewshot_bench.rule import Rule
from fewshot_bench.tracker import Tracker

__all__ = ["PluginRow", "listed_plugins"]

PluginRow = dict[str, Any]


def listed_plugins(registry: Registry) -> list[PluginRow]:
    """One row for each plug-in or variant.

    Columns: kind, name and error; where that is empty also title, source, year, about, settings.
    """
    rows: list[PluginRow] = []
    for baseline in registry.every_baseline():
        if not _is_old_name(baseline):
            rows.append(_row("baseline", baseline, _baseline_columns))
    for rule in registry.every_rule():
        rows.append(_row("rule", rule, _rule_columns))
    for dataset in registry.datasets.values():
        rows.append(_row("data set", dataset, _dataset_columns))
    for engine in registry.engines.values():
        rows.append(_row("engine", engine, _engine_columns))
    for tracker in registry.trackers.values():
        rows.append(_row("tracker", tracker, _tracker_columns))
    return rows


def _is_old_name(plugin: Plugin[Baseline]) -> bool:
    """Whether it stands for a baseline and a rule, which are listed themselves."""
    with contextlib.suppress(UserError):
        return plugin.load().stands_for is not None
    return False


def _row(
    kind: str, plugin: Plugin[PluginT], columns: Callable[[Plugin[PluginT]], PluginRow]
) -> PluginRow:
    row: PluginRow = {"kind": kind, "name": plugin.name, "error": ""}
    try:
        return row | columns(plugin)
    except UserError as error:
        return row | {"error": str(error)}


def _baseline_columns(plugin: Plugin[Baseline]) -> PluginRow:
    baseline_class = plugin.load()
    settings = " ".join(baseline_class.settings_type.names())
    about = [f"answers by {plugin_rule(plugin)}"]
    return {**_card_columns(baseline_class.card, about), "settings": settings}


def _rule_columns(plugin: Plugin[Rule]) -> PluginRow:
    rule_class = plugin.load()
    about = ["learns from the train classes"] if rule_class.learns() else []
    if not rule_class.is_fast():
        about.append("answers one episode after another")
    settings = " ".join(rule_class.settings_type.names())
    return {**_card_columns(rule_class.card, about), "settings": settings}


def _engine_columns(plugin: Plugin[Engine]) -> PluginRow:
    engine_class = plugin.load()
    about = ["takes --scheduler"] if engine_class.uses_scheduler else []
    settings = " ".join(engine_class.settings_type.names())
    return {**_card_columns(engine_class.card, about), "settings": settings}


def _card_columns(card: Card, about: list[str]) -> PluginRow:
    if card.transductive:
        about.append("transductive")
    if not card.label_equivariant:
        about.append("depends on the order of the ways")
    return {
        "title": card.title,
        "source": card.paper,
        "year": card.year,
        "about": ", ".join(about),
        "settings": "",
    }


def _dataset_columns(plugin: Plugin[DataSet]) -> PluginRow:
    dataset_class = plugin.load()
    card = dataset_class.card
    parts = []
    if card.synthetic:
        parts.append("synthetic")
    elif card.needs_path:
        parts.append("needs --data")
    protocol_names = [protocol.name for protocol in dataset_class.protocols]
    if protocol_names:
        parts.append(f"protocols {', '.join(protocol_names)}")
    about = "; ".join(parts)
    return {
        "title": card.title,
        "source": card.source,
        "year": card.year,
        "about": about,
        "settings": " ".join(dataset_class.settings_type.names()),
    }


def _tracker_columns(plugin: Plugin[Tracker]) -> PluginRow:
    about = (plugin.load().__doc__ or "").partition("\n")[0]
    return {"title": about, "source": "", "year": None, "about": "", "settings": ""}
