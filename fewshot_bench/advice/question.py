"""What is asked of the user's classes: how many are held out, with how many pictures, by what.

The user's classes are all known, and a new one will come. So two known classes are held out at a
time, as if they were new, and every method answers the same episodes of each choice of them. The
other classes stay known: they are candidates too, with all their pictures but those asked about.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fewshot_bench.contract.answering import OWN
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.planning.near_duplicate_choice import chosen_images
from fewshot_bench.planning.resolve import resolve_data
from fewshot_bench.planning.rule_choice import ALL, fast_rules
from fewshot_bench.protocols.open_world import ALL_KNOWN
from fewshot_bench.protocols.protocol import MOST_SPLITS
from fewshot_bench.registry.registry import Registry, usable
from fewshot_bench.request import Request

__all__ = ["HELD_OUT", "Question", "question"]

SHOTS = (1, 3, 5)
HELD_OUT = 2  # classes at once: the fewest that an episode can have
FEWEST_CLASSES = 3
FEWEST_IMAGES = 2  # of a class: a reference and a query
QUERIES = 15  # of each class, where it has as many
POWER = "0.5"  # of features, beside 1
EPISODES = 500


@dataclass(frozen=True, eq=False)
class Question:
    """The requests that make up the question, over the same splits; one after another.

    shots, queries: of their episodes; notes: what the user should know of how it was asked.
    """

    requests: list[Request]
    data: LabelledImages
    shots: Sequence[int]
    queries: int
    notes: list[str]


def question(request: Request, registry: Registry, *, train: bool) -> Question:
    """The question about the classes of `request`, in requests that a run takes.

    request: the data, and shots, baselines, views and the like where the user gave them; train: ask
    the standard methods that train too. Raises `UserError` for data that cannot be asked.
    """
    source = resolve_data(request, registry)
    data = chosen_images(source.data, request.near_duplicates).data
    _check_classes(data)
    shots, notes = _fitting_shots(data, request.shots or SHOTS)
    smallest = min(_sizes(data).values())
    queries = min(QUERIES, smallest - max(shots))
    base = dataclasses.replace(
        request,
        ways=HELD_OUT,
        shots=shots,
        queries=queries,
        episodes=request.episodes or EPISODES,
        test_classes=data.class_names[:HELD_OUT],
        known=(ALL_KNOWN,),
        splits=ALL,
        views=None,
    )
    names = tuple(request.baselines) or _default_baselines(registry)
    trained = _trained(registry) if train else []
    untrained = dataclasses.replace(base, settings=_without(base.settings, trained))
    if train:
        # it is for those that train alone
        untrained = dataclasses.replace(untrained, budget=None)
    requests = _untrained(untrained, names, registry)
    if request.views is not None and request.views != 1:
        requests += [dataclasses.replace(one, views=request.views) for one in requests]
    if train:
        others = [*names, *registry.rules]
        settings = _without(base.settings, others)
        requests.append(dataclasses.replace(base, baselines=trained, settings=settings))
    return Question(requests, data, shots, queries, notes)


def _check_classes(data: LabelledImages) -> None:
    """Raise `UserError` where there are too few classes, or too many for an engine to split."""
    classes = len(data.class_names)
    if classes < FEWEST_CLASSES:
        noun = "class" if classes == 1 else "classes"
        raise UserError(
            f"{data.name} has {classes} {noun} ({', '.join(data.class_names)}): a recommendation "
            f"holds out {HELD_OUT} and knows the others (allowed: {FEWEST_CLASSES} classes or "
            "more); add a folder for each further class"
        )
    splits = math.comb(classes, HELD_OUT)
    if splits > MOST_SPLITS:
        raise UserError(
            f"{data.name} has {classes} classes and {splits} splits that hold out {HELD_OUT} "
            f"(allowed: {MOST_SPLITS} splits); name a folder with fewer of the classes"
        )


def _sizes(data: LabelledImages) -> dict[str, int]:
    """What can be drawn of each class: its images, or groups of images."""
    sizes = {}
    for name in data.class_names:
        indices = data.indices([name])
        units = indices if data.groups is None else np.unique(data.groups[indices])
        sizes[name] = len(units)
    return sizes


def _fitting_shots(
    data: LabelledImages, wanted: Sequence[int]
) -> tuple[tuple[int, ...], list[str]]:
    """The shot values that the smallest class has pictures for, and a note on those left out."""
    sizes = _sizes(data)
    name = min(sizes, key=lambda one: sizes[one])
    size = sizes[name]
    unit = "picture" if data.groups is None else f"group by '{data.group_by}'"
    if size < FEWEST_IMAGES:
        raise UserError(
            f"class {name!r} has {size} {unit}: held out, it needs one as a reference and one to "
            f"recognise (allowed: {FEWEST_IMAGES} or more); add pictures, or leave the class out"
        )
    fitting = tuple(shots for shots in wanted if shots < size)
    left_out = [str(shots) for shots in wanted if shots >= size]
    if not fitting:
        raise UserError(
            f"--shots {','.join(left_out)} does not fit: class {name!r} has {size} {unit}s "
            f"(allowed: up to {size - 1}); ask for fewer --shots, or add pictures"
        )
    if not left_out:
        return fitting, []
    return fitting, [
        f"nothing is said of {' and '.join(left_out)} pictures of a new class: class {name!r} has "
        f"{size} {unit}s, and one at least must be left to recognise"
    ]


def _default_baselines(registry: Registry) -> list[str]:
    """The standard baselines that other rules than their own are standard for: frozen features."""
    names = []
    for plugin, baseline_class in usable(registry.every_baseline()):
        card = baseline_class.card
        if card.standard and set(card.standard_rules) != {OWN}:
            names.append(plugin.name)
    if not names:
        raise UserError(
            "no encoder with published weights is installed (fewshot-bench[pretrained]); install "
            "it, or name other features with --baselines"
        )
    return names


def _trained(registry: Registry) -> list[str]:
    """The standard baselines that train."""
    names = []
    for plugin, baseline_class in usable(registry.every_baseline()):
        if baseline_class.card.standard and baseline_class.learns_from == "images":
            names.append(plugin.name)
    return names


def _untrained(base: Request, names: Sequence[str], registry: Registry) -> list[Request]:
    """Every fast inductive rule on these baselines, on the features and on their square root."""
    plain = dataclasses.replace(base, baselines=names, rules=(ALL,))
    owners = _rules_of(names, registry)
    powers = {f"{rule}.power": POWER for rule in owners}
    rooted = dataclasses.replace(plain, settings={**powers, **base.settings})
    return [plain, rooted]


def _rules_of(names: Sequence[str], registry: Registry) -> list[str]:
    """The rules that these baselines are asked by: those in their names, else all fast ones.

    Raises `UserError` for a rule whose answer to a picture depends on the others.
    """
    rules: list[str] = []
    for name in names:
        rule = name.partition("+")[2]
        if not rule:
            return fast_rules(registry)
        if registry.rule(rule).load().card.transductive:
            raise UserError(
                f"rule {rule!r} of {name} is transductive: its answer to a picture depends on the "
                "other pictures, and a new one may come alone; name an inductive rule"
            )
        rules.append(rule)
    return rules


def _without(settings: Mapping[str, str], owners: Sequence[str]) -> dict[str, str]:
    """The settings but those of these owners, which are not in a request."""
    kept = {}
    for name, value in settings.items():
        if name.partition(".")[0] not in owners:
            kept[name] = value
    return kept
