"""The list of all that can be named: plug-ins with their sources, protocols, encoders.

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
from fewshot_bench.learn.packaged_zoo import Packaged
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.protocols.split import size_text
from fewshot_bench.protocols.stored import AnyProtocol
from fewshot_bench.registry.registry import Plugin, PluginT, Registry, plugin_rule, usable
from fewshot_bench.rule import Rule
from fewshot_bench.tracker import Tracker

__all__ = ["LIBRARIES", "PluginRow", "listed_plugins", "protocol_title"]

PluginRow = dict[str, Any]
# encoders that are too many to list
LIBRARIES = {
    "torchvision": "its classifiers, e.g. resnet50; bench list torchvision",
    "timm": "its classifiers, e.g. timm:vit_tiny_patch16_224; bench list timm",
}


def listed_plugins(registry: Registry) -> list[PluginRow]:
    """One row for each plug-in or variant, each named protocol and each source of encoders.

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
    rows += _protocol_rows(registry)
    rows += _encoder_rows()
    for engine in registry.engines.values():
        rows.append(_row("engine", engine, _engine_columns))
    for tracker in registry.trackers.values():
        rows.append(_row("tracker", tracker, _tracker_columns))
    return rows


def _protocol_rows(registry: Registry) -> list[PluginRow]:
    rows = []
    for _, dataset_class in usable(registry.datasets.values()):
        for protocol in dataset_class.protocols:
            rows.append(_plain_row("protocol", protocol.name, protocol_title(protocol)))
    return rows


def _encoder_rows() -> list[PluginRow]:
    rows = []
    for name in Packaged().names():
        rows.append(_plain_row("encoder", name, "weights come with an installed package"))
    for name, title in LIBRARIES.items():
        rows.append(_plain_row("encoder", name, title))
    return rows


def protocol_title(protocol: AnyProtocol) -> str:
    """What a named protocol asks, in words."""
    if isinstance(protocol, Classification):
        sizes = ", ".join(map(size_text, protocol.train_sizes))
        return f"classification, trained on {sizes} of each class"
    held_out = len(protocol.test_classes)
    if isinstance(protocol, Pairs):
        return f"{protocol.pairs} pairs, {held_out} held-out classes"
    shots = ", ".join(map(str, protocol.shots))
    return f"{protocol.ways}-way, {shots} shots, {held_out} held-out classes"


def _plain_row(kind: str, name: str, title: str) -> PluginRow:
    """The row of what is no plug-in and has no source of its own."""
    row: PluginRow = {"kind": kind, "name": name, "error": "", "title": title}
    return row | {"source": "", "year": None, "about": "", "settings": ""}


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
