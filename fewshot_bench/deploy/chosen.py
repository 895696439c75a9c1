"""A method with everything that its names stand for, looked up once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from fewshot_bench.baseline import Baseline
from fewshot_bench.deploy.method import Method
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.planning.baseline_choice import chosen_baselines
from fewshot_bench.planning.presets import PRESETS, Preset
from fewshot_bench.planning.resolve import (
    ResolvedBaseline,
    options_for_all,
    overrides_by_owner,
    refuse_unused_options,
)
from fewshot_bench.planning.rule_choice import RuleChoice, chosen_rules
from fewshot_bench.planning.settled import Machine, machine_for
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["ChosenMethod", "chosen_method", "default_method"]


@dataclass(frozen=True, eq=False)
class ChosenMethod:
    """A baseline and its one rule. options: for every baseline that has them, by setting."""

    method: Method
    baseline: ResolvedBaseline
    preset: Preset
    options: Mapping[str, object]
    machine: Machine
    notes: tuple[str, ...]

    @property
    def baseline_class(self) -> type[Baseline]:
        """The class of the baseline."""
        return self.baseline.baseline_class

    @property
    def rule(self) -> RuleChoice:
        """How it answers."""
        return self.baseline.rules[0]

    @property
    def rule_learns(self) -> bool:
        """Whether the rule learns from features of the known classes."""
        return self.rule.plugin is not None and self.rule.plugin.load().learns()


def default_method(registry: Registry, *, has_known: bool) -> Method:
    """The first standard baseline that is not trained.

    It answers by the last of its standard rules where there are known classes to learn from, else
    by its own. Raises `UserError` where no such baseline can be used.
    """
    for plugin in registry.every_baseline():
        is_meant = False
        with contextlib.suppress(UserError):
            family = plugin.family()
            is_meant = family.card.standard and family.learns_from != "images"
        if is_meant:
            rules = plugin.load().card.standard_rules  # raises where it cannot be used
            return Method(plugin.name, rules[-1]) if has_known else Method(plugin.name)
    raise UserError(
        "no standard baseline that needs no training can be used; bench list says why, or name a "
        "method with --method"
    )


def chosen_method(
    method: Method, request: Request, registry: Registry, *, has_known: bool
) -> ChosenMethod:
    """Look up a method; `request` has the preset, budget, device and further settings.

    Raises `UserError` for a name that does not exist, for a method that has to learn from known
    classes where there are none, and for one whose answer to a picture depends on the others.
    """
    if request.preset not in PRESETS:
        raise unknown("preset", request.preset, PRESETS)
    settings = {**method.settings, **request.settings}
    named = Request(
        baselines=(method.name,),
        settings=settings,
        preset=request.preset,
        budget=request.budget,
    )
    machine = machine_for(request)
    baselines = chosen_baselines(named, registry)
    classes = {plugin.name: plugin.load() for plugin in baselines.rules}
    owners = [*classes, *baselines.rule_names(registry)]
    refuse_unused_options(named, classes, owners)
    overrides = overrides_by_owner(settings, owners, registry)
    resolved = []
    for plugin, names in baselines.rules.items():
        rules = chosen_rules(plugin, names, overrides, registry, is_classification=False)
        own = overrides.get(plugin.name, {})
        for rule in rules:
            resolved.append(ResolvedBaseline(plugin, classes[plugin.name], [rule], own))
    if len(resolved) != 1:
        raise UserError(
            f"method {method.name!r} stands for {len(resolved)} methods; name one, as BASELINE+RULE"
        )
    chosen = ChosenMethod(
        method,
        resolved[0],
        PRESETS[request.preset],
        options_for_all(named),
        machine,
        tuple(baselines.notes),
    )
    _refuse(chosen, has_known=has_known)
    return chosen


def _refuse(chosen: ChosenMethod, *, has_known: bool) -> None:
    """Raise `UserError` for a method that cannot decide about single pictures."""
    name = chosen.method.name
    card = chosen.baseline_class.card
    if card.transductive or chosen.rule.is_transductive:
        raise UserError(
            f"method {name} is transductive: its answer to a picture would depend on the other "
            "pictures; name another with --method (bench list shows them)"
        )
    if chosen.rule.name == "predict":
        raise UserError(
            f"method {name} answers from the pictures of its references and not from features, so "
            "that known classes cannot be means; name another with --method"
        )
    if has_known:
        return
    if chosen.baseline_class.learns_from == "images" or chosen.rule_learns:
        raise UserError(
            f"method {name} learns from known classes, and there are none; name their folder with "
            "--known, or another method with --method"
        )
