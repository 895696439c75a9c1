"""What to run: a request becomes trainings, each with the cells that it serves."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from fewshot_bench.baseline import Baseline, EmbeddingSettings
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.learn.encoder import best_precision
from fewshot_bench.learn.training_settings import OwnNetworkSettings, chosen_by_method
from fewshot_bench.learn.weights_file import without_path
from fewshot_bench.planning.dataset_choice import DataSetChoice
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.near_duplicate_choice import ChosenImages
from fewshot_bench.planning.presets import Preset
from fewshot_bench.planning.resolve import Resolved, ResolvedBaseline, resolve
from fewshot_bench.planning.rule_choice import WITHOUT_REFERENCES, RuleChoice
from fewshot_bench.planning.settled import Machine
from fewshot_bench.protocols.split import Size, Split, size_text
from fewshot_bench.records.computing import Computing
from fewshot_bench.records.paths import record_stem
from fewshot_bench.records.record import SystemFigure
from fewshot_bench.registry.registry import Plugin, Registry
from fewshot_bench.request import Request
from fewshot_bench.seeds import digest
from fewshot_bench.settings import Settings

__all__ = ["Cell", "Plan", "Training", "make_plan", "training_settings"]

PRECISION = "precision"  # the setting


@dataclass(frozen=True, eq=False)
class Training:
    """One `fit`: a baseline with resolved settings, on the train images of a split, from one seed.

    given: the settings that the user gave; version: of this package; beside_labels: the digest of
    what the baseline sees beside the classes of the train images. `plugin` is the first field,
    because unpickling it makes the module that the class of the settings belongs to.
    """

    plugin: Plugin[Baseline]
    settings: Settings
    given: Mapping[str, Any]
    preset: str
    dataset_digest: str
    split: Split
    seed: int
    version: str
    beside_labels: str = ""

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: classes are found again through the plug-ins."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def name(self) -> str:
        """The name of its baseline."""
        return self.plugin.name

    @functools.cached_property
    def baseline_class(self) -> type[Baseline]:
        """The class of its baseline."""
        return self.plugin.load()

    @functools.cached_property
    def key(self) -> str:
        """The name of its checkpoint: a digest of all that the outcome of `fit` depends on."""
        settings = self.settings.as_dict()
        for name in EmbeddingSettings.names():
            settings.pop(name, None)  # they are of the test images
        learns_from = self.baseline_class.learns_from
        images: tuple[str, ...] = ()
        if learns_from == "images":
            images = (self.dataset_digest, self.split.train_digest)
        seed = None if learns_from == "nothing" else self.seed
        if self.beside_labels:
            images = (*images, self.beside_labels)
        if self.uses_unlabelled:
            images = (*images, self.split.unlabelled_digest)
        code = (self.name, self.plugin.sha256, self.version)
        return digest(code, settings, *images, seed)[:32]

    @functools.cached_property
    def identity(self) -> str:
        """What tells it apart in a run, also where one checkpoint serves several splits."""
        split = self.split
        images = (split.train_digest, split.embedded_digest, split.run)
        return digest(self.key, self.features_key, *images, self.seed)[:32]

    @property
    def learns(self) -> bool:
        """Whether its baseline learns from images: the folder then settles how it computes."""
        return self.baseline_class.learns_from == "images"

    @property
    def takes_precision(self) -> bool:
        """Whether the folder settles its precision: it has one, and the user did not give it."""
        return PRECISION in self.settings.names() and PRECISION not in self.given

    def computed_with(self, computing: Computing) -> Training:
        """This training in the precision of `computing`, unless the user gave one."""
        if not self.takes_precision:
            return self
        return dataclasses.replace(self, settings=_in_precision(self.settings, computing))

    @property
    def uses_unlabelled(self) -> bool:
        """Whether its baseline is handed train images without labels."""
        return "unlabelled" in self.baseline_class.sees and len(self.split.unlabelled) > 0

    @functools.cached_property
    def features_key(self) -> str:
        """The name of its features: a digest of all that they depend on beside the pixels."""
        shared = self.baseline_class.shared_features(self.settings)
        if shared is not None:
            return digest("features", shared, self.version)[:32]
        values = self.settings.as_dict()
        own = {name: values.get(name) for name in EmbeddingSettings.names()}
        return digest(self.key, own)[:32]

    @property
    def has_fixed_features(self) -> bool:
        """Whether no training and no seed changes its features, so that anyone can share them."""
        is_shared = self.baseline_class.shared_features(self.settings) is not None
        return is_shared or self.baseline_class.learns_from == "nothing"


@dataclass(frozen=True, eq=False)
class Cell:
    """Training x rule x episode set: one record. dataset: the name of the data set."""

    training: Training
    rule: RuleChoice
    episode_set: EpisodeSet
    dataset: str

    @property
    def name(self) -> str:
        """The name of its baseline, with that of a rule that is not the baseline's own."""
        name = self.training.name
        return name if self.rule.is_own else f"{name}+{self.rule.name}"

    @functools.cached_property
    def key(self) -> str:
        """The key of its record."""
        training = self.training
        episodes = self.episode_set
        question = (episodes.protocol.name, episodes.condition, episodes.digest)
        # episodes of a file are the same with groups and without, but what is known of them is not
        grouping = (episodes.groups,) if episodes.groups else ()
        images = (training.dataset_digest, training.split.train_digest)
        method = (training.features_key, training.preset, training.seed, *self.rule.identity)
        return digest(training.key, *method, *images, *question, *grouping)[:32]

    @functools.cached_property
    def stem(self) -> str:
        """The path of its record below `records/`, without the ending."""
        return record_stem(
            key=self.key,
            dataset=self.dataset,
            baseline=self.training.name,
            ways=self.episode_set.protocol.ways,
            shots=self.episode_set.shots,
            train_size=self.episode_set.train_size,
            seed=self.training.seed,
        )


@dataclass(frozen=True, eq=False)
class Plan:
    """All cells, by the training that serves them, over one data set.

    images: the data set's, with what was found of near-duplicates; machine: that the request was
    read on; computing: what trainings that learn are computed with; notes: what the user should
    know of how the request was read.
    `dataset` is the first field, because unpickling it makes the module that classes of its images
    and protocols may belong to.
    """

    dataset: DataSetChoice
    images: ChosenImages
    trainings: dict[Training, list[Cell]]
    machine: Machine
    computing: Computing
    notes: Sequence[str] = ()

    @property
    def device(self) -> torch.device:
        """The device to compute on."""
        return self.machine.device_for(self.computing)

    def threads(self, training: Training) -> int | None:
        """The threads that a training and its answers take; None: those that there are."""
        settled = self.computing.threads if training.learns else None
        return settled or self.machine.asked

    def computed_with(self, computing: Computing) -> Plan:
        """This plan, with other arithmetic in the trainings that learn."""
        if computing == self.computing:
            return self
        trainings = {}
        for training, cells in self.trainings.items():
            other = training.computed_with(computing)
            trainings[other] = [dataclasses.replace(cell, training=other) for cell in cells]
        return dataclasses.replace(self, trainings=trainings, computing=computing)

    @property
    def data(self) -> LabelledImages:
        """The images that episodes are drawn from."""
        return self.images.data

    @property
    def cells(self) -> list[Cell]:
        """Every cell, training after training."""
        cells = []
        for of_training in self.trainings.values():
            cells += of_training
        return cells

    @property
    def baselines(self) -> list[str]:
        """The names of the baselines, with those of rules that are not their own, each once."""
        return list(dict.fromkeys(cell.name for cell in self.cells))

    def published(self, episode_set: EpisodeSet) -> tuple[SystemFigure, ...]:
        """What papers print about systems that are no baselines here, for these episodes."""
        protocol = episode_set.protocol.name
        condition = size_text(episode_set.condition)
        if episode_set.protocol.unlabelled:
            return ()  # they had all labels
        figures = []
        for system, printed in self.dataset.published.items():
            for figure in printed:
                if (figure.protocol, figure.at) == (protocol, condition):
                    figures.append(SystemFigure(**vars(figure), system=system))
        return tuple(figures)


def make_plan(request: Request, registry: Registry) -> Plan:
    """The plan for a request, with its data loaded; raises `UserError` for what cannot be run."""
    resolved = resolve(request, registry)
    data = resolved.images.data
    trainings: dict[Training, list[Cell]] = {}
    for baseline in resolved.baselines:
        for sets in _by_train_size(resolved.episode_sets):
            settings, given = _settings(baseline, resolved, sets)
            beside_labels = data.beside_labels_digest(baseline.baseline_class.sees)
            for of_training in _by_training(sets):
                split = of_training[0].split
                for seed in _seeds(request, split):
                    training = Training(
                        plugin=baseline.plugin,
                        settings=settings,
                        given=given,
                        preset=resolved.preset.name,
                        dataset_digest=data.digest,
                        split=split,
                        seed=seed,
                        version=version("fewshot-bench"),
                        beside_labels=beside_labels,
                    )
                    cells = _cells(training, baseline.rules, of_training, data.name)
                    trainings[training] = cells
    machine = resolved.machine
    of_request = (resolved.dataset, resolved.images, trainings)
    return Plan(*of_request, machine, machine.own, resolved.notes)


def _seeds(request: Request, split: Split) -> Sequence[int]:
    """The seeds of the trainings on a split; over runs, each run is the seed of its own."""
    if split.run is not None:
        return [split.run]
    first = request.seed or 0
    return range(first, first + (request.seeds or 1))


def _cells(
    training: Training,
    rules: Sequence[RuleChoice],
    episode_sets: Sequence[EpisodeSet],
    dataset: str,
) -> list[Cell]:
    """Rule after rule, so that what a rule makes of the features is made once."""
    most = training.baseline_class.max_episodes
    cells = []
    for rule in rules:
        for episodes in episode_sets:
            # the limit is for what is slow about the baseline itself
            limit = most if rule.is_own else None
            has_references = episodes.shots > 0
            answering = WITHOUT_REFERENCES if rule.is_own and not has_references else rule
            cells.append(Cell(training, answering, episodes.at_most(limit), dataset))
    return cells


def _by_train_size(sets: Sequence[EpisodeSet]) -> list[list[EpisodeSet]]:
    """Episode sets that share their settings: the budget hangs on the number of train images."""
    groups: dict[Size | None, list[EpisodeSet]] = {}
    for episode_set in sets:
        groups.setdefault(episode_set.train_size, []).append(episode_set)
    return list(groups.values())


def _by_training(sets: Sequence[EpisodeSet]) -> list[list[EpisodeSet]]:
    """Episode sets that one training answers: those of one split."""
    groups: dict[tuple[str, str, int | None], list[EpisodeSet]] = {}
    for episode_set in sets:
        split = episode_set.split
        key = (split.train_digest, split.embedded_digest, split.run)
        groups.setdefault(key, []).append(episode_set)
    return list(groups.values())


def _settings(
    baseline: ResolvedBaseline, resolved: Resolved, sets: Sequence[EpisodeSet]
) -> tuple[Settings, dict[str, Any]]:
    """The settings of a baseline for these episode sets, and those that the user gave."""
    return training_settings(
        baseline,
        resolved.preset,
        resolved.options,
        resolved.machine.own,
        side=resolved.images.data.images.shape[-1],
        # one budget for every split of the classes
        train_images=max(len(episode_set.split.train) for episode_set in sets),
    )


def training_settings(
    baseline: ResolvedBaseline,
    preset: Preset,
    options: Mapping[str, object],
    computing: Computing,
    *,
    side: int,
    train_images: int,
) -> tuple[Settings, dict[str, Any]]:
    """The settings of a baseline, and those that the user gave.

    Later ones win: the method's defaults; the preset, where the method does not choose itself; the
    options for all baselines; the settings given for this baseline. The precision is that of
    `computing`, unless it was given. side: of the images, in pixels.
    """
    settings_type = baseline.baseline_class.settings_type
    views = baseline.baseline_class.views
    values = preset.settings(
        side=side,
        train_images=train_images,
        views=views,
        own_network=issubclass(settings_type, OwnNetworkSettings),
    )
    for name in chosen_by_method(settings_type):
        values.pop(name, None)
    given = {**settings_type.applicable(options), **baseline.overrides}
    chosen = {**settings_type.applicable(values), **given}
    settings = settings_type.given(baseline.plugin.name, chosen)
    if "weights" in given:
        # a record names a file of weights, not its folder
        given["weights"] = without_path(given["weights"])
    if PRECISION in settings.names() and PRECISION not in given:
        settings = _in_precision(settings, computing)
    return settings.resolved(), given


def _in_precision(settings: Settings, computing: Computing) -> Settings:
    """These settings with the precision that their encoder trains in."""
    encoder = str(getattr(settings, "encoder", ""))
    precision = best_precision(computing.device, encoder, bf16=computing.bf16)
    changed: Any = {PRECISION: precision}
    return dataclasses.replace(settings, **changed)
