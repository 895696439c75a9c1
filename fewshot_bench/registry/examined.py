"""What `bench check` examines: the baselines, rules and data sets that its arguments stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.checks import examine
from fewshot_bench.contract.dataset_checks import examine_dataset
from fewshot_bench.contract.finding import Finding
from fewshot_bench.contract.rule_subject import rule_as_baseline
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.registry.registry import Plugin, Registry, usable, variants_of
from fewshot_bench.rule import Rule

__all__ = ["Examined", "ExaminedData", "examined"]


@dataclass(frozen=True)
class Examined:
    """A baseline to be examined, with the rule on features that it names, if it does."""

    name: str
    baseline_class: type[Baseline]
    rule_class: type[Rule] | None = None

    def findings(self) -> Iterator[Finding]:
        """Check it, one check after another."""
        return examine(self.baseline_class, self.rule_class)


@dataclass(frozen=True)
class ExaminedData:
    """A data set to be examined. path: of its data, None for one that is generated."""

    name: str
    dataset_class: type[DataSet]
    path: Path | None = None

    def findings(self) -> Iterator[Finding]:
        """Check it, one check after another.

        Raises `UserError` if it needs data and has no path.
        """
        card = self.dataset_class.card
        if self.path is None and card.needs_path:
            raise UserError(
                f"{self.name} needs its data to be checked; name it with --data PATH, or put it "
                "into the folder $FEWSHOT_BENCH_DATA under a name of found_as "
                f"({', '.join(card.found_as) or 'there is none'})"
            )
        return examine_dataset(self.name, self.dataset_class, self.path)


def examined(name: str, registry: Registry) -> list[Examined | ExaminedData]:
    """What a name or a file stands for, or `all`: all baselines and rules.

    An old name stands for a baseline and a rule. Raises `UserError` for what does not exist or
    cannot be loaded.
    """
    if name == "all":
        every = [plugin for plugin, _ in usable(registry.every_baseline())]
        rules = [plugin for plugin, _ in usable(registry.every_rule())]
        return [*_baselines(every, registry), *_rules(rules)]
    path = Path(name)
    if name.endswith(".py"):
        if path.stem in registry.baselines:
            return _baselines(variants_of(registry.baselines[path.stem]), registry)
        if path.stem in registry.rules:
            return _rules(variants_of(registry.rules[path.stem]))
        return [_dataset(registry.dataset(path.stem))]
    family = name.partition(":")[0]
    is_baseline = family in registry.baselines
    if not is_baseline and family in registry.rules:
        return _rules([registry.rule(name)])
    if name in registry.datasets and not is_baseline:
        return [_dataset(registry.dataset(name))]
    if path.exists() and not is_baseline:
        raise UserError(f"{name} is no Python file; name one that ends in .py, or a baseline")
    plugin = registry.baseline(name)
    stands_for = plugin.load().stands_for
    if stands_for is None:
        return _baselines([plugin], registry)
    baseline, rule = stands_for
    return [*_baselines([registry.baseline(baseline)], registry), *_rules([registry.rule(rule)])]


def _dataset(plugin: Plugin[DataSet]) -> ExaminedData:
    return ExaminedData(plugin.name, plugin.load())


def _baselines(
    plugins: Iterable[Plugin[Baseline]], registry: Registry
) -> list[Examined | ExaminedData]:
    subjects: list[Examined | ExaminedData] = []
    for plugin in plugins:
        baseline_class = plugin.load()
        if baseline_class.stands_for is None:
            rule = baseline_class.rule
            rule_class = registry.rule(rule).load() if rule is not None else None
            subjects.append(Examined(plugin.name, baseline_class, rule_class))
    return subjects


def _rules(plugins: Iterable[Plugin[Rule]]) -> list[Examined | ExaminedData]:
    subjects: list[Examined | ExaminedData] = []
    for plugin in plugins:
        subjects.append(Examined(plugin.name, rule_as_baseline(plugin.load())))
    return subjects
