"""Each name of a request, looked up once: data set, baselines, rules, settings, episode sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import composes
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.planning.baseline_choice import chosen_baselines
from fewshot_bench.planning.dataset_choice import DataSetChoice, chosen_dataset, dataset_notes
from fewshot_bench.planning.dataset_loading import ResolvedData, loaded_data
from fewshot_bench.planning.episode_sets import EpisodeSet, left_out_notes, unlabelled_notes
from fewshot_bench.planning.near_duplicate_choice import ChosenImages, chosen_images
from fewshot_bench.planning.presets import PRESETS, Preset
from fewshot_bench.planning.protocol_choice import chosen_episode_sets, split_notes
from fewshot_bench.planning.rule_choice import RuleChoice, chosen_rules, rule_for_pairs
from fewshot_bench.planning.settled import Machine, machine_for
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.registry.registry import Plugin, Registry
from fewshot_bench.request import Request

__all__ = [
    "FOR_ALL",
    "Resolved",
    "ResolvedBaseline",
    "options_for_all",
    "overrides_by_owner",
    "refuse_unused_options",
    "resolve",
    "resolve_data",
    "resolve_episodes",
]

# options of a request -> the setting of every baseline that has it
FOR_ALL = {
    "encoder": "encoder",
    "weights": "weights",
    "image_size": "image_size",
    "freeze": "freeze",
    "views": "views",
    "budget": "passes",
}
# what the baselines do that have such a setting
USED_BY = {
    "encoder": "use an encoder",
    "weights": "use an encoder",
    "image_size": "use an encoder",
    "freeze": "train an encoder",
    "views": "embed views",
    "budget": "train",
}
Overrides = dict[str, dict[str, str]]  # owner -> setting -> text


@dataclass(frozen=True, eq=False)
class ResolvedBaseline:
    """A baseline with its class and its rules.

    overrides: the settings given for it alone, as text.
    """

    plugin: Plugin[Baseline]
    baseline_class: type[Baseline]
    rules: list[RuleChoice]
    overrides: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Resolved:
    """Everything that a request names. options: those for all baselines, by setting.

    images: of the data set, with what was found of near-duplicates; notes: what the user
    should know of how the request was read.
    """

    dataset: DataSetChoice
    images: ChosenImages
    episode_sets: list[EpisodeSet]
    baselines: list[ResolvedBaseline]
    preset: Preset
    options: Mapping[str, object]
    machine: Machine
    notes: list[str]


def resolve(request: Request, registry: Registry) -> Resolved:
    """Look up all that `request` names; raises `UserError` for whatever cannot be run."""
    if request.preset not in PRESETS:
        raise unknown("preset", request.preset, PRESETS)
    if request.seeds is not None and request.seeds < 1:
        raise UserError(f"seeds={request.seeds} is out of bounds (allowed: 1 or more)")
    if request.seed is not None and request.seed < 0:
        raise UserError(f"--seed {request.seed} is out of bounds (allowed: 0 or more)")
    machine = machine_for(request)
    chosen = chosen_baselines(request, registry)
    classes = {plugin.name: plugin.load() for plugin in chosen.rules}
    dataset = chosen_dataset(request, registry)
    owners = [*classes, *chosen.rule_names(registry), *dataset.owners]
    overrides = overrides_by_owner(request.settings, owners, registry)
    refuse_unused_options(request, classes, owners)
    source = loaded_data(request, dataset, overrides)
    images = chosen_images(source.data, request.near_duplicates)
    episode_sets = chosen_episode_sets(request, images.data, source.protocols)
    _refuse_without_references(episode_sets, classes)
    is_classification = episode_sets[0].is_classification
    baselines = []
    for plugin, rule_names in chosen.rules.items():
        # raises UserError where the method has no rule to answer by
        if isinstance(episode_sets[0].protocol, Pairs):
            rules = [rule_for_pairs(classes[plugin.name], request)]
        else:
            rules = chosen_rules(
                plugin, rule_names, overrides, registry, is_classification=is_classification
            )
        own = overrides.get(plugin.name, {})
        baselines.append(ResolvedBaseline(plugin, classes[plugin.name], rules, own))
    preset = PRESETS[request.preset]
    notes = [*dataset_notes(request, dataset.name), *chosen.notes, *images.notes]
    notes += [*split_notes(request, episode_sets), *left_out_notes(episode_sets)]
    seen_by = [name for name, one in classes.items() if "unlabelled" in one.sees]
    notes += unlabelled_notes(episode_sets, seen_by)
    return Resolved(
        dataset,
        images,
        episode_sets,
        baselines,
        preset,
        options_for_all(request),
        machine,
        notes,
    )


def _refuse_without_references(
    sets: Sequence[EpisodeSet], classes: Mapping[str, type[Baseline]]
) -> None:
    """Raise `UserError` for 0 shots that none of the baselines of these names can answer."""
    asks_without = any(episode_set.shots == 0 for episode_set in sets)
    if asks_without and not any(map(composes, classes.values())):
        raise UserError(
            f"0 shots leave no references, and {', '.join(classes)} cannot do without; ask for 1 "
            "shot or more, or a baseline that knows what classes are made of (dc_net)"
        )


def options_for_all(request: Request) -> dict[str, object]:
    """The options of a request that are settings of every baseline that has them, by setting."""
    options = {}
    for option, setting in FOR_ALL.items():
        value = getattr(request, option)
        if value is not None:
            options[setting] = value
    return options


def resolve_data(request: Request, registry: Registry) -> ResolvedData:
    """Look up the data set that `request` names, and nothing else."""
    dataset = chosen_dataset(request, registry)
    overrides = overrides_by_owner(request.settings, dataset.owners, registry)
    return loaded_data(request, dataset, overrides)


def resolve_episodes(
    request: Request, registry: Registry
) -> tuple[LabelledImages, list[EpisodeSet]]:
    """Look up the data set and the episodes that `request` names, and no baseline."""
    source = resolve_data(request, registry)
    data = chosen_images(source.data, request.near_duplicates).data
    return data, chosen_episode_sets(request, data, source.protocols)


def overrides_by_owner(
    settings: Mapping[str, str], of_run: Sequence[str], registry: Registry
) -> Overrides:
    """The settings "OWNER.NAME" -> text, by owner; `UserError` where an owner does not exist.

    of_run: the owners in this run; a variant, and data sets put together, are known by it alone.
    """
    known = [*registry.baselines, *registry.rules, *registry.datasets, *registry.engines]
    owners = list(dict.fromkeys([*of_run, *known]))
    overrides: Overrides = {}
    for key, text in settings.items():
        owner, _, name = key.partition(".")
        if not name:
            raise UserError(
                f"--set {key}={text} names no owner; write --set BASELINE.SETTING=VALUE"
            )
        if owner not in owners:
            raise unknown("owner of a setting", owner, owners)
        overrides.setdefault(owner, {})[name] = text
    return overrides


def refuse_unused_options(
    request: Request, classes: Mapping[str, type[Baseline]], owners: Sequence[str]
) -> None:
    """Raise `UserError` for an option that nothing in this run would use.

    owners: of settings, in this run.
    """
    used_settings: set[str] = set()
    for baseline_class in classes.values():
        used_settings.update(baseline_class.settings_type.names())
    for option, setting in FOR_ALL.items():
        value = getattr(request, option)
        if value is not None and setting not in used_settings:
            flag = f"--{option.replace('_', '-')}"
            text = flag if value is True else f"{flag} {value}"
            names = list(classes)
            none = f"{names[0]} does not" if len(names) == 1 else f"none of {', '.join(names)} does"
            raise UserError(
                f"{text} is for baselines that {USED_BY[option]}, and {none}; leave it out, or "
                "name another baseline (bench list shows them)"
            )
    for key, text in request.settings.items():
        owner = key.partition(".")[0]
        if owner not in owners:
            raise UserError(
                f"--set {key}={text} is for {owner}, which is not in this run "
                f"(allowed: {', '.join(owners)}); leave it out"
            )
