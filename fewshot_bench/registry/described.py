"""All that is known of one thing that can be named: a method, rule, data set, protocol, ..."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fewshot_bench.baseline import Baseline
from fewshot_bench.card import Card
from fewshot_bench.contract.answering import composes, pair_rule
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.learn.packaged_zoo import Packaged
from fewshot_bench.learn.timm_zoo import TIMM, Timm
from fewshot_bench.learn.torchvision_zoo import Torchvision
from fewshot_bench.learn.training_settings import chosen_by_method
from fewshot_bench.learn.zoo import Zoo
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.protocols.protocol import Classification
from fewshot_bench.protocols.split import tested_on_text
from fewshot_bench.protocols.stored import AnyProtocol
from fewshot_bench.registry.catalogue import LIBRARIES, protocol_title
from fewshot_bench.registry.registry import Plugin, Registry, plugin_rule, usable
from fewshot_bench.rule import Rule
from fewshot_bench.settings import Settings

__all__ = ["Described", "described"]

Facts = dict[str, str]


@dataclass(frozen=True)
class Described:
    """What is known of one thing.

    facts: what they are of -> text; settings: name -> default; chosen: settings that presets do not
    replace.
    """

    kind: str
    name: str
    title: str
    facts: Mapping[str, str]
    settings: Mapping[str, object] = field(default_factory=dict)
    chosen: Collection[str] = ()
    about_settings: str = ""


def described(name: str, registry: Registry) -> list[Described]:
    """What is known of each thing of this name, such as a data set and a baseline.

    Raises `UserError` where there is none, and for a plug-in that cannot be used.
    """
    found = [*_plugins(name, registry), *_protocols(name, registry), *_encoders(name)]
    if not found:
        raise unknown("name", name, _all_names(registry), "bench list shows them")
    return found


def _all_names(registry: Registry) -> list[str]:
    names = [plugin.name for plugin in registry.every_baseline()]
    names += [plugin.name for plugin in registry.every_rule()]
    names += [*registry.datasets, *registry.engines, *registry.trackers]
    for protocol in _every_protocol(registry):
        names.append(protocol.name)
    return [*names, *Packaged().names(), *Torchvision().names(), *LIBRARIES]


def _plugins(name: str, registry: Registry) -> Iterator[Described]:
    for kind, plugins, facts_of in (
        ("baseline", registry.every_baseline(), _baseline_facts),
        ("rule", registry.every_rule(), _rule_facts),
        ("data set", registry.datasets.values(), _dataset_facts),
        ("engine", registry.engines.values(), _card_facts),
        ("tracker", registry.trackers.values(), _tracker_facts),
    ):
        yield from _of_kind(name, kind, plugins, facts_of)


def _of_kind(
    name: str, kind: str, plugins: Iterable[Plugin[Any]], facts_of: Callable[[Plugin[Any]], Facts]
) -> Iterator[Described]:
    """The plug-in of this name, or the variants of the family of this name."""
    for plugin in plugins:
        if name in (plugin.name, plugin.name.partition(":")[0]):
            plugin_class = plugin.load()
            card = getattr(plugin_class, "card", None)
            settings_type = getattr(plugin_class, "settings_type", Settings)
            facts = facts_of(plugin) | {"file": str(plugin.path)}
            yield Described(
                kind=kind,
                name=plugin.name,
                title=card.title if card else _first_line(plugin_class),
                facts={what: text for what, text in facts.items() if text},
                settings=settings_type().as_dict(),
                chosen=chosen_by_method(settings_type),
                about_settings=_own_docstring(settings_type),
            )


def _first_line(plugin_class: type[Any]) -> str:
    return (plugin_class.__doc__ or "").partition("\n")[0]


def _own_docstring(settings_type: type[Settings]) -> str:
    """What the author says of the settings; empty for settings that say nothing of their own."""
    if not settings_type.names() or not settings_type.__doc__:
        return ""
    paragraphs = inspect.cleandoc(settings_type.__doc__).split("\n\n")
    return " ".join(" ".join(paragraphs).split())


def _baseline_facts(plugin: Plugin[Baseline]) -> Facts:
    baseline_class = plugin.load()
    card = baseline_class.card
    if baseline_class.stands_for is not None:
        return _source_facts(card) | {"old name of": "+".join(baseline_class.stands_for)}
    of_pairs = pair_rule(baseline_class)
    needs = baseline_class.needs
    return _source_facts(card) | {
        "few-shot protocols": f"answers by {plugin_rule(plugin)}",
        "classification": f"answers by {plugin_rule(plugin, is_classification=True)}",
        "pairs": "no" if of_pairs == "predict" else f"answers by {of_pairs}",
        "without references": "answers by compose" if composes(baseline_class) else "no",
        "runs unasked": "yes" if card.standard else "no; name it with --baselines",
        "needs": f"{needs[0]}, of the extra {needs[1]}" if needs else "",
        "published for": ", ".join(dict.fromkeys(one.protocol for one in card.published)),
    }


def _rule_facts(plugin: Plugin[Rule]) -> Facts:
    rule_class = plugin.load()
    return _source_facts(rule_class.card) | {
        "asked for by": f"--rules {plugin.name}, or --baselines frozen+{plugin.name}",
        "learns from": "the train classes" if rule_class.learns() else "the references alone",
        "speed": "all episodes at once" if rule_class.is_fast() else "one episode after another",
    }


def _dataset_facts(plugin: Plugin[DataSet]) -> Facts:
    dataset_class = plugin.load()
    card = dataset_class.card
    facts = {
        "source": f"{card.source} ({card.year})",
        "synthetic": "yes, made from a seed" if card.synthetic else "",
        "get it": card.get_it,
        "found as": ", ".join(card.found_as),
    }
    for protocol in dataset_class.protocols:
        facts[f"protocol {protocol.name}"] = "; ".join(_protocol_facts(protocol).values())
    return facts


def _card_facts(plugin: Plugin[Any]) -> Facts:
    return _source_facts(plugin.load().card)


def _tracker_facts(plugin: Plugin[Any]) -> Facts:
    return {"asked for by": f"--tracker {plugin.name}"}


def _source_facts(card: Card) -> Facts:
    remarks = []
    if card.transductive:
        remarks.append("transductive: queries of an episode may change one another's answers")
    if not card.label_equivariant:
        remarks.append("its answers depend on the order of the ways")
    year = f" ({card.year})" if card.year else ""
    return {"source": f"{card.paper}{year}", "note": "; ".join(remarks)}


def _every_protocol(registry: Registry) -> Iterator[AnyProtocol]:
    for _, dataset_class in usable(registry.datasets.values()):
        yield from dataset_class.protocols


def _protocols(name: str, registry: Registry) -> Iterator[Described]:
    for protocol in _every_protocol(registry):
        if protocol.name == name:
            facts = {"data set": protocol.dataset} | _protocol_facts(protocol)
            del facts["asks"]
            yield Described("protocol", name, protocol_title(protocol), facts)


def _protocol_facts(protocol: AnyProtocol) -> Facts:
    facts = {"asks": protocol_title(protocol)}
    if isinstance(protocol, Classification):
        runs = "1 run" if protocol.runs == 1 else f"{protocol.runs} runs"
        tested = f"tested on {tested_on_text(protocol.test_images)}"
        return facts | {"runs": runs, "test images": tested}
    if not isinstance(protocol, Pairs):
        facts["episodes"] = (
            f"{protocol.episodes} episodes of {protocol.queries_text} queries a class"
        )
    facts["train classes"] = f"trained on {', '.join(protocol.train_classes)}"
    facts["test classes"] = f"tested on {', '.join(protocol.test_classes)}"
    return facts


def _encoders(name: str) -> Iterator[Described]:
    libraries: dict[str, Zoo] = {"torchvision": Torchvision(), "timm": Timm()}
    if name in libraries:
        names = ", ".join(libraries[name].names())
        yield Described("encoder", name, LIBRARIES[name], {"networks": names})
        return
    zoo = _zoo_of(name)
    if zoo is not None:
        weights = zoo.weights(name)
        size = zoo.image_size(name, weights[0]) if weights else 0
        facts = {
            "asked for by": f"--encoder {name}",
            "weights": ", ".join(weights) or "none are published",
            "image size": f"{size} pixels" if size else "",
        }
        yield Described("encoder", name, "a network without its last layer", facts)


def _zoo_of(name: str) -> Zoo | None:
    """The library of an encoder of this name; None if there is no such encoder."""
    zoo: Zoo = Torchvision()
    if name.startswith(TIMM):
        zoo = Timm()
    elif name in Packaged().names():
        zoo = Packaged()
    try:
        return zoo if name in zoo.names() else None
    except UserError:  # the library is not installed
        return None
