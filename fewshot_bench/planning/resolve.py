"""The images and episodes that a request comes to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.planning.episode_sets import EpisodeSet, episode_sets, replayed
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.registry.registry import Plugin, Registry, usable
from fewshot_bench.request import Request

__all__ = ["chosen_dataset", "load_data", "overrides", "settle_questions"]

OF_FEW_SHOTS = (
    "train_classes",
    "test_classes",
    "ways",
    "shots",
    "queries",
    "episodes",
    "splits",
    "seeds",
)
OF_CLASSIFICATION = ("train_per_class", "train_fraction", "runs", "test_images")


def chosen_dataset(request: Request, registry: Registry) -> Plugin[DataSet]:
    """The data set that is named, else that of the named protocol, else the standard one."""
    if request.dataset is not None:
        return registry.dataset(request.dataset)
    if request.protocol is None:
        return registry.dataset(
            next(
                plugin.name
                for plugin, kind in usable(registry.datasets.values())
                if kind.card.standard
            )
        )
    having = {
        protocol.name: plugin
        for plugin, kind in usable(registry.datasets.values())
        for protocol in kind.protocols
    }
    if request.protocol not in having:
        raise unknown("protocol", request.protocol, having, "bench list shows them")
    return having[request.protocol]


def load_data(
    request: Request, registry: Registry
) -> tuple[LabelledImages, tuple[FewShot | Classification, ...]]:
    """The images of the data set that is asked for, and its named protocols."""
    plugin = chosen_dataset(request, registry)
    kind = plugin.load()
    values = overrides(request.settings, [plugin.name], registry).get(plugin.name, {})
    source = kind(kind.settings_type.given(plugin.name, values))
    return source.load(request.data or _lying_in(request.data_folder, kind)), kind.protocols


def _lying_in(folder: Path | None, kind: type[DataSet]) -> Path | None:
    places = [folder / name for name in kind.card.found_as] if folder else []
    return next((place for place in places if place.exists()), None)


def overrides(
    settings: Mapping[str, str], mine: Sequence[str], registry: Registry
) -> dict[str, dict[str, str]]:
    """ "owner.name" -> text, by owner; `UserError` where an owner does not exist."""
    found: dict[str, dict[str, str]] = {}
    for key, text in settings.items():
        owner, dot, name = key.partition(".")
        if not dot or not name:
            raise UserError(
                f"--set {key}={text} names no owner; write --set BASELINE.SETTING=VALUE"
            )
        known = [*mine, *registry.baselines, *registry.datasets]
        if owner not in known:
            raise unknown("owner of a setting", owner, known)
        if owner in mine:
            found.setdefault(owner, {})[name] = text
    return found


def settle_questions(
    request: Request, data: LabelledImages, protocols: Sequence[FewShot | Classification]
) -> list[EpisodeSet]:
    """What is asked of every baseline: by the protocol with the request's options in place, or by a file."""
    if request.episodes_file is not None:
        others = ("protocol", *OF_FEW_SHOTS, *OF_CLASSIFICATION, "episode_seed")
        for option in _given(request, [name for name in others if name != "seeds"]):
            raise UserError(
                f"--episodes-file {request.episodes_file} settles the protocol; leave {option} out"
            )
        return replayed(request.episodes_file, data)
    base = _base(request, data, protocols)
    if request.episode_seed is not None:
        base = dataclasses.replace(base, episode_seed=request.episode_seed)
    if isinstance(base, Classification):
        return episode_sets(_classification(request, base).over(data), data)
    return _few_shots(request, base, data)


def _given(request: Request, names: Sequence[str]) -> Iterator[str]:
    """Those of these options that are given, as they are written on the command line."""
    return ("--" + name.replace("_", "-") for name in names if getattr(request, name) is not None)


def _base(
    request: Request, data: LabelledImages, protocols: Sequence[FewShot | Classification]
) -> FewShot | Classification:
    """The protocol that is named; else the data set's first of the kind that the options speak of, or a plain one."""
    if request.protocol is not None:
        named = {protocol.name: protocol for protocol in protocols}
        if request.protocol not in named:
            raise unknown(
                f"protocol of {data.name}", request.protocol, named, "bench list shows them"
            )
        return named[request.protocol]
    if any(_given(request, OF_CLASSIFICATION)):
        by_share = request.train_fraction is not None
        if not by_share and request.train_per_class is None:
            raise UserError(
                f"{next(_given(request, OF_CLASSIFICATION))} is for classification protocols; name one with --protocol, or "
                "give --train-per-class or --train-fraction"
            )
        alike = (
            p
            for p in protocols
            if isinstance(p, Classification) and (p.train_sizes[0] < 1) == by_share
        )
        plain = Classification(
            name=f"{data.name}-custom", dataset=data.name, train_sizes=(0.8 if by_share else 10,)
        )
        return next(alike, plain)
    few_shots = (protocol for protocol in protocols if isinstance(protocol, FewShot))
    return next(few_shots, FewShot(name=f"{data.name}-custom", dataset=data.name))


def _classification(request: Request, base: Classification) -> Classification:
    """The protocol with the request's options in place."""
    for option in _given(request, OF_FEW_SHOTS):
        instead = (
            "; a run draws its split and trains from its own seed: say --runs"
            if option == "--seeds"
            else ""
        )
        raise UserError(
            f"{option} is for few-shot protocols, and {base.name} is a classification protocol{instead}"
        )
    if request.train_per_class is not None and request.train_fraction is not None:
        raise UserError(
            "--train-per-class and --train-fraction are two ways to say one thing; leave one out"
        )
    changes: dict[str, Any] = {}
    if request.train_per_class is not None:
        changes["train_sizes"] = tuple(request.train_per_class)
    if request.train_fraction is not None:
        wrong = next((share for share in request.train_fraction if not 0 < share < 1), None)
        if wrong is not None:
            raise UserError(
                f"--train-fraction {wrong:g} is out of bounds (allowed: more than 0, less than 1)"
            )
        changes["train_sizes"] = tuple(request.train_fraction)
    if request.runs is not None:
        changes["runs"] = request.runs
    if request.test_images is not None:
        changes["test_images"] = (
            None if request.test_images == "all" else float(request.test_images)
        )
    return dataclasses.replace(base, **changes)


def _few_shots(request: Request, base: FewShot, data: LabelledImages) -> list[EpisodeSet]:
    for option in _given(request, OF_CLASSIFICATION):
        raise UserError(
            f"{option} is for classification protocols, and {base.name} is a few-shot protocol; leave it out"
        )
    options = {name: getattr(request, name) for name in ("ways", "episodes", "shots", "queries")}
    options = {name: value for name, value in options.items() if value is not None}
    if "shots" in options:
        options["shots"] = tuple(options["shots"])
    if "queries" in options:
        options["queries"] = None if options["queries"] == "all" else int(options["queries"])
    protocol = dataclasses.replace(base, **options).over(
        data, request.train_classes, request.test_classes
    )
    if request.splits is None:
        return episode_sets(protocol, data)
    if request.splits != "all":
        raise unknown("splits", request.splits, ("all",))
    if request.train_classes is not None:
        raise UserError("--splits all chooses the train classes itself; leave --train-classes out")
    return [question for split in protocol.splits(data) for question in episode_sets(split, data)]
