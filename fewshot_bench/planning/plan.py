"""What to run: a request becomes trainings, each with the cells that it serves."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from fewshot_bench.baseline import Baseline
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.dataset import DataCard
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.learn.encoder import best_precision, chosen
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.resolve import chosen_dataset, load_data, overrides, settle_questions
from fewshot_bench.protocols.split import Split, size_text
from fewshot_bench.published import Published
from fewshot_bench.registry.registry import Plugin, Registry, plugin_rule, usable
from fewshot_bench.request import Request
from fewshot_bench.seeds import digest
from fewshot_bench.settings import Settings

__all__ = ["PRESETS", "Cell", "Plan", "Preset", "Training", "make_plan"]


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
        Preset(
            "paper", "resnet50", None, lambda images, views: 100 * images * views
        ),  # 100 epochs of each
    )
}

# options of a request -> the setting of every baseline that has it
FOR_ALL = {
    "encoder": "encoder",
    "weights": "weights",
    "image_size": "image_size",
    "freeze": "freeze",
    "budget": "passes",
}


@dataclass(frozen=True)
class Learner:
    """The baseline whose `fit` a training is: its own, or the one it is taught by."""

    name: str
    sha256: str
    kind: type[Baseline]


@dataclass(frozen=True, eq=False)
class Training:
    """One `fit`: a baseline with resolved settings, on the train images of a split, from one seed."""

    name: str
    sha256: str
    kind: type[Baseline]
    learner: Learner
    settings: Settings
    given: dict[str, Any]
    preset: str
    dataset_digest: str
    split: Split
    seed: int
    version: str

    @functools.cached_property
    def key(self) -> str:
        """What its checkpoint is kept under: everything that the outcome of the fit depends on."""
        settings = {
            name: getattr(self.settings, name) for name in self.learner.kind.settings_type.names()
        }
        who = (self.learner.name, self.learner.sha256, self.version)
        return digest(who, settings, self.dataset_digest, self.split.train_digest, self.seed)[:32]

    @functools.cached_property
    def own_key(self) -> str:
        """What is kept under that others with the same checkpoint do not share."""
        return digest(self.key, self.name, self.sha256, self.settings.as_dict())[:32]

    @property
    def embedding_key(self) -> str:
        """What its features are kept under."""
        return self.key if self.kind.embed is self.learner.kind.embed else self.own_key


@dataclass(frozen=True, eq=False)
class Cell:
    """Training x question: one record."""

    training: Training
    question: EpisodeSet

    @functools.cached_property
    def key(self) -> str:
        """What its record is kept under."""
        question = self.question
        return digest(
            self.training.own_key,
            self.training.preset,
            question.protocol.name,
            question.condition,
            question.digest,
        )[:32]


@dataclass(frozen=True, eq=False)
class Plan:
    """All cells, by the training that serves them, over one data set."""

    data: LabelledImages
    card: DataCard
    trainings: dict[Training, list[Cell]]
    device: torch.device

    @property
    def cells(self) -> list[Cell]:
        """Every cell, training after training."""
        return [cell for cells in self.trainings.values() for cell in cells]

    def published(self, question: EpisodeSet) -> list[tuple[str, Published]]:
        """What papers print about other systems for this question: (system, figure)."""
        asked = (question.protocol.name, size_text(question.condition))
        return [
            (system, figure)
            for system, figures in self.card.published.items()
            for figure in figures
            if (figure.protocol, figure.at) == asked
        ]


def make_plan(request: Request, registry: Registry) -> Plan:
    """The plan for a request, with its data loaded; raises `UserError` for whatever cannot be run."""
    if request.preset not in PRESETS:
        raise unknown("preset", request.preset, PRESETS)
    if request.seeds is not None and request.seeds < 1:
        raise UserError(f"seeds={request.seeds} is out of bounds (allowed: 1 or more)")
    device = pick_device(request.device)
    plugins = _chosen(request.baselines, registry)
    kinds = {plugin: plugin.load() for plugin in plugins}
    own = overrides(request.settings, [plugin.name for plugin in plugins], registry)
    dataset = chosen_dataset(request, registry)
    _nothing_unused(request, {plugin.name: kind for plugin, kind in kinds.items()}, dataset.name)
    data, protocols = load_data(request, registry)
    questions = settle_questions(request, data, protocols)
    trainings: dict[Training, list[Cell]] = {}
    for (plugin, kind), asked in itertools.product(kinds.items(), _by_training(questions)):
        alike = [question for question in questions if question.train_size == asked[0].train_size]
        images = max(
            len(question.split.train) for question in alike
        )  # one budget for every split of the classes
        settings, given = _resolve(
            plugin.name, kind, request, own.get(plugin.name, {}), data, images, device
        )
        plugin_rule(plugin, is_classification=asked[0].is_classification)
        run = asked[0].split.run
        for seed in range(request.seeds or 1) if run is None else [run]:
            training = Training(
                name=plugin.name,
                sha256=plugin.sha256,
                kind=kind,
                learner=_learner(plugin, kind, registry),
                settings=settings,
                given=given,
                preset=request.preset,
                dataset_digest=data.digest,
                split=asked[0].split,
                seed=seed,
                version=version("fewshot-bench"),
            )
            trainings[training] = [
                Cell(training, question.at_most(kind.max_episodes)) for question in asked
            ]
    return Plan(data, dataset.load().card, trainings, device)


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the first accelerator, else the processor."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise unknown("device", name, ("auto", "cpu", "cuda"))
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda' is not there (torch sees no CUDA device); use --device cpu")
    return torch.device(name)


def _chosen(names: Sequence[str], registry: Registry) -> list[Plugin[Baseline]]:
    if list(names) == ["all"]:
        return [plugin for plugin, _ in usable(registry.every_baseline())]
    if names:
        return [registry.baseline(name) for name in dict.fromkeys(names)]
    every = usable(registry.every_baseline())
    return [
        plugin
        for plugin, kind in every
        if kind.card.standard or plugin.name.partition(":")[0] in registry.given
    ]


def _learner(plugin: Plugin[Baseline], kind: type[Baseline], registry: Registry) -> Learner:
    teacher = plugin if kind.taught_by is None else registry.baseline(kind.taught_by)
    taught = teacher.load()
    if not issubclass(kind, taught):
        raise UserError(
            f"{plugin.path}: {kind.__name__} is taught by {teacher.name} but is no subclass of {taught.__name__}"
        )
    return Learner(teacher.name, teacher.sha256, taught)


def _nothing_unused(request: Request, kinds: Mapping[str, type[Baseline]], dataset: str) -> None:
    """Raise `UserError` for an option that nothing in this run would take."""
    for option, field_name in FOR_ALL.items():
        given = getattr(request, option)
        if given is not None and not any(
            field_name in kind.settings_type.names() for kind in kinds.values()
        ):
            told = f"--{option.replace('_', '-')}" + ("" if given is True else f" {given}")
            raise UserError(f"{told} is for none of the baselines {', '.join(kinds)}; leave it out")
    for key, text in request.settings.items():
        owner = key.partition(".")[0]
        if "." in key and owner not in (*kinds, dataset):
            raise UserError(
                f"--set {key}={text} is for {owner}, which is not in this run (allowed: {', '.join([*kinds, dataset])}); "
                "leave it out"
            )


def _by_training(questions: Sequence[EpisodeSet]) -> list[list[EpisodeSet]]:
    """Questions together that one training answers: those of one split."""
    groups: dict[tuple[str, str, int | None], list[EpisodeSet]] = {}
    for question in questions:
        split = question.split
        groups.setdefault((split.train_digest, split.embedded_digest, split.run), []).append(
            question
        )
    return list(groups.values())


def _resolve(
    name: str,
    kind: type[Baseline],
    request: Request,
    given: dict[str, str],
    data: LabelledImages,
    images: int,
    device: torch.device,
) -> tuple[Settings, dict[str, Any]]:
    """Defaults, then the preset where the method does not choose itself, then the options for all baselines, then those
    given for this one; and what was given.
    """
    preset = PRESETS[request.preset]
    values: dict[str, object] = {
        "encoder": preset.encoder,
        "image_size": preset.image_size or data.images.shape[-1],
        "passes": preset.passes(images, kind.views),
        "precision": best_precision(device),
    }
    options = {setting: getattr(request, option) for option, setting in FOR_ALL.items()}
    settings = kind.settings_type
    for own in chosen(settings):
        del values[own]
    wanted = (
        settings.applicable(
            {option: value for option, value in options.items() if value is not None}
        )
        | given
    )
    return settings.given(name, settings.applicable(values) | wanted), wanted
