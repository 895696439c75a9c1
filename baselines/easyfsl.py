"""The old names of `resnet` with easyfsl's classifiers, which are rules now."""

from __future__ import annotations

from fewshot_bench.plugins.rules.easyfsl import EasyFsl as Rules

from fewshot_bench import Baseline, Card


class EasyFsl(Baseline):
    """`easyfsl:TIM` stands for `resnet` with the rule `easyfsl:TIM`, and so on."""

    card = Card(title="easyfsl's classifiers", paper="Bennequin: Easy Few-Shot Learning")
    needs = ("easyfsl", "easyfsl")


def _old_name(variant: str) -> type[EasyFsl]:
    rule_class = Rules.variants[variant]
    attributes = {"card": rule_class.card, "stands_for": ("resnet", f"easyfsl:{variant}")}
    return type(rule_class.__name__, (EasyFsl,), attributes)


EasyFsl.variants = {variant: _old_name(variant) for variant in Rules.variants}
