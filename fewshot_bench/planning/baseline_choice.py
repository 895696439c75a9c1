"""The baselines that a request names, each with the names of its rules."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import OWN
from fewshot_bench.errors import UserError
from fewshot_bench.planning.rule_choice import ALL, fast_rules
from fewshot_bench.registry.registry import Plugin, Registry, usable
from fewshot_bench.request import Request

__all__ = ["ChosenBaselines", "chosen_baselines"]


@dataclass(frozen=True, eq=False)
class ChosenBaselines:
    """Baselines of a run in their order, with the names of their rules.

    notes: what the user should know of how the names were read.
    """

    rules: dict[Plugin[Baseline], list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, plugin: Plugin[Baseline], rules: Sequence[str]) -> None:
        """Add a baseline, or more rules to it."""
        known = self.rules.setdefault(plugin, [])
        known += [name for name in rules if name not in known]

    def rule_names(self, registry: Registry) -> list[str]:
        """The names of all rules that the baselines answer by."""
        names: list[str] = []
        for plugin, rules in self.rules.items():
            own = plugin.load().rule
            for name in rules:
                if name == ALL:
                    names += fast_rules(registry)
                elif name != OWN:
                    names.append(name)
                if name in (OWN, ALL) and own is not None:
                    names.append(own)
        return list(dict.fromkeys(names))


def chosen_baselines(request: Request, registry: Registry) -> ChosenBaselines:
    """The named baselines, or all, or the standard ones and those given as files.

    Named ones keep their order; else those that train come last. The rules are those that are
    named, or the baseline's own and those given as files. An old name becomes what it stands for,
    with a note. Raises `UserError` for a name that does not exist, and for a standard one that
    needs something installed first.
    """
    chosen = ChosenBaselines()
    rules = list(request.rules) or [OWN, *registry.rules_of_files]
    names = list(request.baselines)
    if names and names != [ALL]:
        for name in dict.fromkeys(names):
            # a row's name stands for its baseline and rule: frozen+whitened
            baseline, plus, rule = name.partition("+")
            wanted = [rule] if plus else rules
            _add_named(chosen, registry.baseline(baseline), wanted, registry)
        return chosen
    if not names:
        _require_standard(registry)
    for plugin, baseline_class in usable(registry.every_baseline()):
        card = baseline_class.card
        family = plugin.name.partition(":")[0]
        is_of_file = family in registry.baselines_of_files
        if names and baseline_class.stands_for is None:
            chosen.add(plugin, rules)
        elif not names and (card.standard or is_of_file):
            chosen.add(plugin, request.rules or [*card.standard_rules, *registry.rules_of_files])
    return _cheap_first(chosen)


def _require_standard(registry: Registry) -> None:
    """Raise `UserError` where a standard baseline cannot run: it must not be missing unnoticed."""
    for plugin in registry.every_baseline():
        is_standard = False
        with contextlib.suppress(UserError):
            is_standard = plugin.family().card.standard
        if is_standard:
            plugin.load()


def _add_named(
    chosen: ChosenBaselines, plugin: Plugin[Baseline], rules: Sequence[str], registry: Registry
) -> None:
    stands_for = plugin.load().stands_for
    if stands_for is None:
        chosen.add(plugin, rules)
        return
    baseline, own_rule = stands_for
    chosen.add(registry.baseline(baseline), [own_rule if name == OWN else name for name in rules])
    chosen.notes.append(
        f"{plugin.name} is an old name: it stands for "
        f"--baselines {baseline} --rules {own_rule}, and its rows are {baseline}+{own_rule}"
    )


def _cheap_first(chosen: ChosenBaselines) -> ChosenBaselines:
    def trains(plugin: Plugin[Baseline]) -> bool:
        return plugin.load().learns_from == "images"

    ordered = sorted(chosen.rules, key=trains)
    return ChosenBaselines({plugin: chosen.rules[plugin] for plugin in ordered}, chosen.notes)
