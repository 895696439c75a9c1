"""The rules that a request comes to for each of its baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import OWN, has_features, own_method, pair_rule
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.registry.registry import Plugin, Registry, plugin_rule, usable
from fewshot_bench.request import Request
from fewshot_bench.rule import Rule, RuleSettings

__all__ = [
    "ALL",
    "WITHOUT_REFERENCES",
    "RuleChoice",
    "chosen_rules",
    "fast_rules",
    "rule_for_pairs",
]

ALL = "all"


@dataclass(frozen=True, eq=False)
class RuleChoice:
    """How a baseline answers. name: of a rule, or of a method of the baseline itself.

    is_own: whether it is the baseline's own rule; plugin, settings: of a rule on features, None
    for a method of the baseline; given: the settings that the user gave. `plugin` is the first
    field, because unpickling it makes the module that the class of the settings belongs to.
    """

    plugin: Plugin[Rule] | None
    name: str
    is_own: bool
    settings: RuleSettings | None = None
    given: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_transductive(self) -> bool:
        """Whether it is a rule whose answer to a query may depend on other queries."""
        return self.plugin is not None and self.plugin.load().card.transductive

    @property
    def reference_views(self) -> int:
        """As how many of its views each reference stands in the support."""
        return 1 if self.settings is None else self.settings.reference_views

    @property
    def identity(self) -> tuple[object, ...]:
        """What sets it apart from other rules; empty for a method of the baseline."""
        if self.plugin is None or self.settings is None:
            return ()
        return (self.name, self.plugin.sha256, self.recorded_settings)

    @property
    def recorded_settings(self) -> dict[str, Any]:
        """The settings as a record has them; empty for a method of the baseline.

        `reference_views` is there only where it is not 1: older records have none, and keep their
        keys.
        """
        if self.settings is None:
            return {}
        values = self.settings.as_dict()
        if self.reference_views == 1:
            del values["reference_views"]
        return values


# how every baseline answers episodes of 0 shots
WITHOUT_REFERENCES = RuleChoice(None, "compose", is_own=True)


def chosen_rules(
    baseline: Plugin[Baseline],
    names: Sequence[str],
    overrides: Mapping[str, Mapping[str, str]],
    registry: Registry,
    *,
    is_classification: bool,
) -> list[RuleChoice]:
    """The rules of these names for one baseline, each once. `own` is the baseline's own.

    overrides: owner -> setting -> text. Raises `UserError` for a rule that does not exist, and for
    one on features where the baseline has none.
    """
    own = plugin_rule(baseline, is_classification=is_classification)
    wanted = []
    for name in names:
        if name == ALL:
            wanted += [OWN, *fast_rules(registry)]
        else:
            wanted.append(name)
    resolved = dict.fromkeys(own if name == OWN else name for name in wanted)
    choices = []
    for name in resolved:
        is_own = name == own
        if is_own and own_method(name) is not None:
            choices.append(RuleChoice(None, name, is_own))
            continue
        if not has_features(baseline.load()):
            raise UserError(
                f"--rules {name} needs features, and {baseline.name} answers from the images "
                f"themselves (allowed: {OWN}); leave {baseline.name} out"
            )
        if name.partition(":")[0] not in registry.rules:
            known = [plugin.name for plugin in registry.every_rule()]
            raise unknown("rule", name, [OWN, ALL, *known], "bench list shows them")
        plugin = registry.rule(name)
        texts = overrides.get(name, {})
        settings = plugin.load().settings_type.given(name, texts).resolved()
        given = {setting: getattr(settings, setting) for setting in texts}
        choices.append(RuleChoice(plugin, name, is_own, settings, given))
    return choices


def rule_for_pairs(baseline_class: type[Baseline], request: Request) -> RuleChoice:
    """How a baseline scores pairs. Raises `UserError` where the request names a rule."""
    named = [name for name in request.rules if name != OWN]
    named += [name for name in request.baselines if "+" in name]
    if named:
        raise UserError(
            f"{named[0]} names a rule for episodes, and pairs are scored by the pair head of a "
            "baseline or by the cosine of two features; leave the rule out"
        )
    return RuleChoice(None, pair_rule(baseline_class), is_own=True)


def fast_rules(registry: Registry) -> list[str]:
    """The rules that `all` stands for: inductive ones that answer blocks of episodes at once."""
    names = []
    for plugin, rule_class in usable(registry.every_rule()):
        if rule_class.is_fast() and not rule_class.card.transductive:
            names.append(plugin.name)
    return names
