"""The protocol that a request comes to, with the request's options in place."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.planning.episode_sets import EpisodeSet, episode_sets, replayed
from fewshot_bench.protocols.open_world import OpenWorld
from fewshot_bench.protocols.pairs import Pairs
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.protocols.stored import AnyProtocol
from fewshot_bench.request import Request

__all__ = ["chosen_episode_sets", "split_notes"]

OF_TRAININGS = ("seed", "seeds")  # and not of the episodes
FEW_SHOT_OPTIONS = (
    "train_classes",
    "test_classes",
    "ways",
    "shots",
    "queries",
    "episodes",
    "splits",
    "known",
    "open_set",
    *OF_TRAININGS,
)
CLASSIFICATION_OPTIONS = ("train_per_class", "train_fraction", "runs", "test_images")
OF_PAIRS_TOO = ("train_classes", "test_classes", *OF_TRAININGS)  # options of few-shot protocols


def chosen_episode_sets(
    request: Request, data: LabelledImages, protocols: Sequence[AnyProtocol]
) -> list[EpisodeSet]:
    """The episode sets of a request: from its episodes file, or from a protocol.

    protocols: the named ones of the data set. Raises `UserError` for options that do not fit.
    """
    if request.episodes_file is not None:
        _refuse_options_beside_file(request)
        return replayed(request.episodes_file, data)
    base = _base_protocol(request, data, protocols)
    if request.episode_seed is not None:
        base = dataclasses.replace(base, episode_seed=request.episode_seed)
    if request.unlabelled is not None:
        if request.unlabelled == 0:
            raise UserError(
                "--unlabelled 0 is out of bounds (allowed: more than 0, less than 1); leave it out "
                "to train with all labels"
            )
        base = dataclasses.replace(base, unlabelled=request.unlabelled)
    if isinstance(base, Classification):
        return episode_sets(_classification(request, base).over(data), data)
    if isinstance(base, Pairs):
        settled = _pairs(request, base).over(data, request.train_classes, request.test_classes)
        return episode_sets(settled, data)
    return _few_shot_sets(request, base, data)


def _options_in(request: Request, names: Sequence[str]) -> list[str]:
    """Which of these options the request has, as they are written on the command line."""
    options = []
    for name in names:
        if getattr(request, name) is not None:
            options.append("--" + name.replace("_", "-"))
    return options


def _refuse_options_beside_file(request: Request) -> None:
    of_protocol = [name for name in FEW_SHOT_OPTIONS if name not in OF_TRAININGS]
    of_any = ("pairs", "episode_seed", "unlabelled")
    names = ["protocol", *of_protocol, *CLASSIFICATION_OPTIONS, *of_any]
    for option in _options_in(request, names):
        raise UserError(
            f"--episodes-file {request.episodes_file} settles the protocol; leave {option} out"
        )


def _base_protocol(
    request: Request, data: LabelledImages, protocols: Sequence[AnyProtocol]
) -> AnyProtocol:
    """The named protocol, else the data set's first one of the kind that the options are for.

    Without such options: its first few-shot one, or the first of all if none is.
    """
    if request.protocol is not None:
        named = {protocol.name: protocol for protocol in protocols}
        if request.protocol not in named:
            what = f"protocol of {data.name}"
            raise unknown(what, request.protocol, named, "bench list shows them")
        return named[request.protocol]
    if request.pairs is not None:
        return _base_pairs(data, protocols)
    if _options_in(request, CLASSIFICATION_OPTIONS):
        return _base_classification(request, data, protocols)
    for protocol in protocols:
        if isinstance(protocol, FewShot):
            return protocol
    if protocols and not _options_in(request, FEW_SHOT_OPTIONS):
        return protocols[0]  # too few classes to hold some out, or a setting leaves too few
    return FewShot(name=f"{data.name}-custom", dataset=data.name)


def _base_pairs(data: LabelledImages, protocols: Sequence[AnyProtocol]) -> Pairs:
    """The first pair protocol, else one over the classes of the first few-shot protocol."""
    for protocol in protocols:
        if isinstance(protocol, Pairs):
            return protocol
    plain = Pairs(name=f"{data.name}-pairs", dataset=data.name)
    for protocol in protocols:
        if isinstance(protocol, FewShot):
            train = protocol.train_classes
            test = protocol.test_classes
            return dataclasses.replace(plain, train_classes=train, test_classes=test)
    return plain


def _base_classification(
    request: Request, data: LabelledImages, protocols: Sequence[AnyProtocol]
) -> Classification:
    """The first classification protocol whose train sizes are of the requested kind."""
    by_share = request.train_fraction is not None
    if not by_share and request.train_per_class is None:
        option = _options_in(request, CLASSIFICATION_OPTIONS)[0]
        raise UserError(
            f"{option} is for classification protocols; name one with --protocol, or give "
            "--train-per-class or --train-fraction"
        )
    for protocol in protocols:
        if isinstance(protocol, Classification):
            has_shares = protocol.train_sizes[0] < 1
            if has_shares == by_share:
                return protocol
    sizes = (0.8,) if by_share else (10,)
    return Classification(name=f"{data.name}-custom", dataset=data.name, train_sizes=sizes)


def _classification(request: Request, base: Classification) -> Classification:
    """The classification protocol with the request's options in place."""
    _refuse_pairs(request, base)
    for option in _options_in(request, FEW_SHOT_OPTIONS):
        remedy = ""
        if option in ("--seed", "--seeds"):
            remedy = "; a run draws its split and trains from its own seed: say --runs"
        raise UserError(
            f"{option} is for few-shot protocols, and {base.name} is a classification "
            f"protocol{remedy}"
        )
    if request.train_per_class is not None and request.train_fraction is not None:
        raise UserError(
            "--train-per-class and --train-fraction are two ways to say one thing; leave one out"
        )
    changes: dict[str, Any] = {}
    if request.train_per_class is not None:
        changes["train_sizes"] = tuple(request.train_per_class)
    if request.train_fraction is not None:
        for share in request.train_fraction:
            if not 0 < share < 1:
                raise UserError(
                    f"--train-fraction {share:g} is out of bounds "
                    "(allowed: more than 0, less than 1)"
                )
        changes["train_sizes"] = tuple(request.train_fraction)
    if request.runs is not None:
        changes["runs"] = request.runs
    if request.test_images is not None:
        is_all = request.test_images == "all"
        changes["test_images"] = None if is_all else float(request.test_images)
    return dataclasses.replace(base, **changes)


def _pairs(request: Request, base: Pairs) -> Pairs:
    """The pair protocol with the request's options in place."""
    of_others = [name for name in FEW_SHOT_OPTIONS if name not in OF_PAIRS_TOO]
    for option in _options_in(request, [*of_others, *CLASSIFICATION_OPTIONS]):
        raise UserError(
            f"{option} is for other protocols, and {base.name} asks about pairs of images; "
            "leave it out (--pairs says how many)"
        )
    return base if request.pairs is None else dataclasses.replace(base, pairs=request.pairs)


def _refuse_pairs(request: Request, base: FewShot | Classification) -> None:
    if request.pairs is not None:
        raise UserError(
            f"--pairs {request.pairs} is for protocols that ask about pairs, and {base.name} is a "
            f"{base.kind} protocol; leave it out"
        )


def _few_shot_sets(request: Request, base: FewShot, data: LabelledImages) -> list[EpisodeSet]:
    """The episode sets of the few-shot protocol, or of all its splits."""
    _refuse_pairs(request, base)
    for option in _options_in(request, CLASSIFICATION_OPTIONS):
        raise UserError(
            f"{option} is for classification protocols, and {base.name} is a few-shot protocol; "
            "leave it out"
        )
    changes: dict[str, Any] = {}
    if request.ways is not None:
        changes["ways"] = request.ways
    if request.episodes is not None:
        changes["episodes"] = request.episodes
    if request.shots is not None:
        changes["shots"] = tuple(request.shots)
    if request.queries is not None:
        changes["queries"] = None if request.queries == "all" else int(request.queries)
    if request.known is not None or request.open_set:
        base = _open_world(base)
        changes["known"] = tuple(request.known or ())
        changes["open_set"] = bool(request.open_set)
    changed = dataclasses.replace(base, **changes)
    if request.splits is None:
        protocol = changed.over(data, request.train_classes, request.test_classes)
        return episode_sets(protocol, data)
    if request.splits != "all":
        raise unknown("splits", request.splits, ("all",))
    if request.train_classes is not None:
        raise UserError("--splits all chooses the train classes itself; leave --train-classes out")
    test_classes = request.test_classes
    if not test_classes and not changed.test_classes:
        # only their number matters: every class is held out in turn
        without_references = 1 if request.open_set else 0
        test_classes = data.class_names[: changed.ways + without_references]
    protocol = changed.over(data, None, test_classes)
    sets = []
    for split in protocol.splits(data):
        sets += episode_sets(split, data)
    return sets


def _open_world(base: FewShot) -> OpenWorld:
    """The same protocol, with room for further queries."""
    fields = {field.name: getattr(base, field.name) for field in dataclasses.fields(base)}
    return OpenWorld(**fields)


def split_notes(request: Request, sets: Sequence[EpisodeSet]) -> list[str]:
    """How many splits of the classes are run, and how many classes each of them holds out."""
    if request.splits is None:
        return []
    held_out = {episode_set.protocol.test_classes for episode_set in sets}
    first = sets[0].protocol
    classes = len(first.train_classes) + len(first.test_classes)
    return [
        f"{len(held_out)} splits: every choice of {len(first.test_classes)} held-out classes of "
        f"{classes}"
    ]
