"""What the class of a plug-in says of itself, and whether that can be understood."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fewshot_bench.baseline import Baseline, Card, EmbeddingSettings
from fewshot_bench.dataset import DataCard
from fewshot_bench.errors import UserError
from fewshot_bench.rule import Rule, RuleSettings
from fewshot_bench.settings import Settings
from fewshot_bench.tracker import Tracker

__all__ = ["check_attributes", "is_subclass"]


def check_attributes(plugin_class: type[Any], path: Path) -> None:
    """Raise `UserError` for an attribute of a class that has a value nobody can understand."""
    if issubclass(plugin_class, Tracker):
        return  # it says nothing that is shown or read
    card = getattr(plugin_class, "card", None)
    has_card = isinstance(card, (Card, DataCard)) and isinstance(card.title, str)
    needs = getattr(plugin_class, "needs", None)
    has_needs = needs is None or (isinstance(needs, tuple) and len(needs) == 2)
    is_rule = issubclass(plugin_class, Rule)
    settings_base = RuleSettings if is_rule else Settings
    variant_base = Rule if is_rule else Baseline
    has_settings = is_subclass(plugin_class.settings_type, settings_base)
    variants = getattr(plugin_class, "variants", {})
    has_variants = isinstance(variants, Mapping)
    for variant in variants.values() if has_variants else ():
        has_variants = has_variants and is_subclass(variant, variant_base)
    has_own_views = issubclass(plugin_class, Baseline) and _redefines(
        plugin_class.settings_type, "views", EmbeddingSettings
    )
    has_own_reference_views = is_rule and _redefines(
        plugin_class.settings_type, "reference_views", RuleSettings
    )
    checks = (
        ("card", has_card, "a Card, or a DataCard of a data set"),
        ("settings_type", has_settings, f"a subclass of {settings_base.__name__}"),
        ("settings_type", not has_own_views, "settings whose views are those of EmbeddingSettings"),
        (
            "settings_type",
            not has_own_reference_views,
            "settings whose reference_views are those of RuleSettings",
        ),
        ("needs", has_needs, "(module, extra)"),
        ("variants", has_variants, f"a dictionary of subclasses of {variant_base.__name__}"),
    )
    for name, is_understood, allowed in checks:
        if not is_understood:
            value = getattr(plugin_class, name, None)
            raise UserError(
                f"{path}: {plugin_class.__name__}.{name} is {value!r} (allowed: {allowed})"
            )


def _redefines(settings_type: type[Any], name: str, owner: type[Settings]) -> bool:
    """Whether it has a setting of this name that is not the one of `owner`, which a run reads."""
    for parent in settings_type.__mro__:
        if name in vars(parent).get("__annotations__", {}):
            return parent is not owner
    return False


def is_subclass(value: object, base: type) -> bool:
    """Whether a value is a subclass of `base`."""
    return isinstance(value, type) and issubclass(value, base)
