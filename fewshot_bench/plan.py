"""What to run: a request becomes trainings, each with the cells that it serves."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from fewshot_bench.baseline import Baseline
from fewshot_bench.dataset import DataSet
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.labelled import LabelledImages
from fewshot_bench.learn.encoder import best_precision
from fewshot_bench.protocol import Protocol
from fewshot_bench.question import Question, ask, replay
from fewshot_bench.registry import Plugin, Registry, answers_by, usable
from fewshot_bench.seeds import digest
from fewshot_bench.settings import Settings

__all__ = ["PRESETS", "Cell", "Plan", "Preset", "Request", "Training", "make_plan"]


@dataclass(frozen=True)
class Preset:
    """Settings for every baseline that has them. image_size: pixels a side, None for the data's own; passes: the
    training budget for a number of training images and the views that a method takes of each.
    """

    name: str
    encoder: str
    image_size: int | None
    passes: Callable[[int, int], int]


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("quick", "resnet18", 64, lambda images, views: max(18_000, 60 * images)),
        Preset("paper", "resnet50", None, lambda images, views: 100 * images * views),  # 100 epochs of each
    )
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks for; None means: the data set's protocol, or the preset, decides.

    dataset: None is the standard one; queries: a number or "all"; splits: "all" for every split of the classes; settings:
    "baseline.name" -> text.
    """

    dataset: str | None = None
    data: Path | None = None
    data_folder: Path | None = None
    train_classes: Sequence[str] | None = None
    test_classes: Sequence[str] | None = None
    ways: int | None = None
    shots: Sequence[int] | None = None
    queries: int | str | None = None
    episodes: int | None = None
    episode_seed: int | None = None
    episodes_file: Path | None = None
    splits: str | None = None
    baselines: Sequence[str] = ()
    preset: str = "quick"
    encoder: str | None = None
    weights: str | None = None
    budget: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    seeds: int = 1
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class Training:
    """One `fit`: a baseline with resolved settings, on the images of the train classes, from one seed."""

    name: str
    sha256: str
    kind: type[Baseline]
    settings: Settings
    given: dict[str, Any]
    preset: str
    dataset_digest: str
    train_classes: tuple[str, ...]
    seed: int
    version: str

    @functools.cached_property
    def key(self) -> str:
        """What its checkpoint is kept under: everything that the outcome of the fit depends on."""
        settings = self.settings.as_dict()
        who = (self.name, self.sha256, self.version)
        return digest(who, settings, self.dataset_digest, self.train_classes, self.seed)[:32]


@dataclass(frozen=True, eq=False)
class Cell:
    """Training x question: one record."""

    training: Training
    question: Question

    @functools.cached_property
    def key(self) -> str:
        """What its record is kept under."""
        question = self.question
        return digest(self.training.key, self.training.preset, question.protocol.name, question.shots, question.digest)[:32]


@dataclass(frozen=True, eq=False)
class Plan:
    """All cells, by the training that serves them, over one data set."""

    data: LabelledImages
    trainings: dict[Training, list[Cell]]
    device: torch.device

    @property
    def cells(self) -> list[Cell]:
        """Every cell, training after training."""
        return [cell for cells in self.trainings.values() for cell in cells]


def make_plan(request: Request, registry: Registry) -> Plan:
    """The plan for a request, with its data loaded; raises `UserError` for whatever cannot be run."""
    if request.preset not in PRESETS:
        raise unknown("preset", request.preset, PRESETS)
    if request.seeds < 1:
        raise UserError(f"seeds={request.seeds} is out of bounds (allowed: 1 or more)")
    device = pick_device(request.device)
    plugins = _chosen(request.baselines, registry)
    kinds = {plugin: (plugin.sha256, plugin.load()) for plugin in plugins}
    overrides = _overrides(request.settings, [plugin.name for plugin in plugins], registry)
    _nothing_unused(request, {plugin.name: kind for plugin, (_, kind) in kinds.items()}, _dataset(request, registry).name)
    data, protocols = load_data(request, registry)
    questions = settle_questions(request, data, protocols)
    trainings: dict[Training, list[Cell]] = {}
    protocols_asked = dict.fromkeys(question.protocol for question in questions)
    images = max(_train_images(data, protocol) for protocol in protocols_asked)  # one budget for every split
    for (plugin, (sha256, kind)), protocol in itertools.product(kinds.items(), protocols_asked):
        given = overrides.get(plugin.name, {})
        settings = _resolve(plugin.name, kind, request, given, data, images, device)
        answers_by(plugin)
        asked = [question.at_most(kind.max_episodes) for question in questions if question.protocol == protocol]
        for seed in range(request.seeds):
            training = Training(
                name=plugin.name,
                sha256=sha256,
                kind=kind,
                settings=settings,
                given=dict(given),
                preset=request.preset,
                dataset_digest=data.digest,
                train_classes=protocol.train_classes,
                seed=seed,
                version=version("fewshot-bench"),
            )
            trainings[training] = [Cell(training, question) for question in asked]
    return Plan(data, trainings, device)


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first accelerator, else the processor."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise unknown("device", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda' is not there (torch sees no CUDA device); use --device cpu")
    return torch.device(name)


def load_data(request: Request, registry: Registry) -> tuple[LabelledImages, tuple[Protocol, ...]]:
    """The images of the data set that is asked for, and its named protocols."""
    plugin = _dataset(request, registry)
    kind = plugin.load()
    values = _overrides(request.settings, [plugin.name], registry).get(plugin.name, {})
    source = kind(kind.settings_type().override(plugin.name, values))
    return source.load(request.data or _lying_in(request.data_folder, kind)), kind.protocols


def _dataset(request: Request, registry: Registry) -> Plugin[DataSet]:
    name = request.dataset or next(plugin.name for plugin, kind in usable(registry.datasets) if kind.card.standard)
    return registry.dataset(name)


def _lying_in(folder: Path | None, kind: type[DataSet]) -> Path | None:
    places = [folder / name for name in kind.card.found_as] if folder else []
    return next((place for place in places if place.exists()), None)


def settle_questions(request: Request, data: LabelledImages, protocols: Sequence[Protocol]) -> list[Question]:
    """What is asked of every baseline: by the protocol with the request's options in place, or by a file."""
    options = {name: getattr(request, name) for name in ("ways", "episodes", "episode_seed", "shots", "queries")}
    options = {name: value for name, value in options.items() if value is not None}
    if request.episodes_file is not None:
        others = ("train_classes", "test_classes", "splits")
        fixed = [*options, *(name for name in others if getattr(request, name) is not None)]
        if fixed:
            option = "--" + fixed[0].replace("_", "-")
            raise UserError(f"--episodes-file {request.episodes_file} settles the protocol; leave {option} out")
        return replay(request.episodes_file, data)
    if "shots" in options:
        options["shots"] = tuple(options["shots"])
    if "queries" in options:
        options["queries"] = None if options["queries"] == "all" else int(options["queries"])
    base = protocols[0] if protocols else Protocol(name=f"{data.name}-custom", dataset=data.name)
    protocol = dataclasses.replace(base, **options).over(data, request.train_classes, request.test_classes)
    if request.splits is None:
        return ask(protocol, data)
    if request.splits != "all":
        raise unknown("splits", request.splits, ("all",))
    if request.train_classes is not None:
        raise UserError("--splits all chooses the train classes itself; leave --train-classes out")
    return [question for split in protocol.splits(data) for question in ask(split, data)]


def _chosen(names: Sequence[str], registry: Registry) -> list[Plugin[Baseline]]:
    if list(names) == ["all"]:
        return list(registry.baselines.values())
    if names:
        return [registry.baseline(name) for name in dict.fromkeys(names)]
    return [plugin for plugin, kind in usable(registry.baselines) if kind.card.standard]


def _overrides(settings: Mapping[str, str], mine: Sequence[str], registry: Registry) -> dict[str, dict[str, str]]:
    """ "owner.name" -> text, by owner; `UserError` where an owner does not exist."""
    found: dict[str, dict[str, str]] = {}
    for key, text in settings.items():
        owner, dot, name = key.partition(".")
        if not dot or not name:
            raise UserError(f"--set {key}={text} names no owner; write --set BASELINE.SETTING=VALUE")
        known = [*registry.baselines, *registry.datasets]
        if owner not in known:
            raise unknown("owner of a setting", owner, known)
        if owner in mine:
            found.setdefault(owner, {})[name] = text
    return found


def _nothing_unused(request: Request, kinds: Mapping[str, type[Baseline]], dataset: str) -> None:
    """Raise `UserError` for an option that nothing in this run would take."""
    for option, field_name in (("encoder", "encoder"), ("weights", "weights"), ("budget", "passes")):
        given = getattr(request, option)
        if given is not None and not any(field_name in kind.settings_type.names() for kind in kinds.values()):
            raise UserError(f"--{option} {given} is for none of the baselines {', '.join(kinds)}; leave it out")
    for key, text in request.settings.items():
        owner = key.partition(".")[0]
        if "." in key and owner not in (*kinds, dataset):
            raise UserError(
                f"--set {key}={text} is for {owner}, which is not in this run (allowed: {', '.join([*kinds, dataset])}); "
                "leave it out"
            )


def _train_images(data: LabelledImages, protocol: Protocol) -> int:
    return sum(data.class_range(name)[1] for name in protocol.train_classes)


def _resolve(
    name: str,
    kind: type[Baseline],
    request: Request,
    given: Mapping[str, str],
    data: LabelledImages,
    images: int,
    device: torch.device,
) -> Settings:
    """Defaults, then the preset, then the options for all baselines, then those given for this one."""
    preset = PRESETS[request.preset]
    values: dict[str, object] = {
        "encoder": preset.encoder,
        "image_size": preset.image_size or data.images.shape[-1],
        "passes": preset.passes(images, kind.views),
        "precision": best_precision(device),
    }
    wanted = {"encoder": request.encoder, "weights": request.weights, "passes": request.budget}
    values |= {option: value for option, value in wanted.items() if value is not None}
    settings = kind.settings_type()
    return settings.override(name, {**settings.applicable(values), **given})
