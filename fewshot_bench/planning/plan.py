"""What to run: a request becomes trainings, each with the cells that it serves."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from fewshot_bench.baseline import Baseline
from fewshot_bench.contract.answering import Rule, rule_of
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.dataset import DataSet
from fewshot_bench.learn.encoder import best_precision, chosen_by_method
from fewshot_bench.planning.episode_sets import EpisodeSet
from fewshot_bench.planning.resolve import Resolved, ResolvedBaseline, resolve
from fewshot_bench.protocols.split import Size, Split, size_text
from fewshot_bench.records.record import SystemFigure, record_stem
from fewshot_bench.registry.registry import Plugin, Registry
from fewshot_bench.request import Request
from fewshot_bench.seeds import digest
from fewshot_bench.settings import Settings

__all__ = ["Cell", "Plan", "Training", "make_plan"]


@dataclass(frozen=True, eq=False)
class Training:
    """One `fit`: a baseline with resolved settings, on the train images of a split, from one seed.

    learner: the baseline whose `fit` is run; given: the settings that the user gave; version: of
    this package. `plugin` is the first field, because unpickling it makes the module that the class
    of the settings belongs to.
    """

    plugin: Plugin[Baseline]
    learner: Plugin[Baseline]
    settings: Settings
    given: Mapping[str, Any]
    preset: str
    dataset_digest: str
    split: Split
    seed: int
    version: str

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
    def learner_class(self) -> type[Baseline]:
        """The class whose `fit` is run, which is a base class of the baseline or the same."""
        return self.learner.load()

    @functools.cached_property
    def key(self) -> str:
        """The name of its checkpoint: a digest of all that the outcome of `fit` depends on."""
        names = self.learner_class.settings_type.names()
        settings = {name: getattr(self.settings, name) for name in names}
        code = (self.learner.name, self.learner.sha256, self.version)
        images = (self.dataset_digest, self.split.train_digest)
        return digest(code, settings, *images, self.seed)[:32]

    @functools.cached_property
    def own_key(self) -> str:
        """The name of what methods with the same checkpoint do not share."""
        code = (self.name, self.plugin.sha256)
        return digest(self.key, *code, self.settings.as_dict())[:32]

    @property
    def embedding_key(self) -> str:
        """The name of its features."""
        shares_features = self.baseline_class.embed is self.learner_class.embed
        return self.key if shares_features else self.own_key

    def rule(self, *, is_classification: bool) -> Rule:
        """The rule by which it answers a protocol of this kind."""
        return rule_of(self.baseline_class, is_classification=is_classification)


@dataclass(frozen=True, eq=False)
class Cell:
    """Training x episode set: one record. dataset: the name of the data set."""

    training: Training
    episode_set: EpisodeSet
    dataset: str

    @functools.cached_property
    def key(self) -> str:
        """The key of its record."""
        training = self.training
        episodes = self.episode_set
        name = episodes.protocol.name
        parts = (training.own_key, training.preset, name, episodes.condition, episodes.digest)
        return digest(*parts)[:32]

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

    @property
    def rule(self) -> Rule:
        """The rule by which its baseline answers."""
        return self.training.rule(is_classification=self.episode_set.is_classification)


@dataclass(frozen=True, eq=False)
class Plan:
    """All cells, by the training that serves them, over one data set.

    `dataset` is the first field, because unpickling it makes the module that classes of its images
    and protocols may belong to.
    """

    dataset: Plugin[DataSet]
    data: LabelledImages
    trainings: dict[Training, list[Cell]]
    device: torch.device

    @property
    def cells(self) -> list[Cell]:
        """Every cell, training after training."""
        cells = []
        for of_training in self.trainings.values():
            cells += of_training
        return cells

    @property
    def baselines(self) -> list[str]:
        """The names of the baselines, each once."""
        return list(dict.fromkeys(training.name for training in self.trainings))

    def published(self, episode_set: EpisodeSet) -> tuple[SystemFigure, ...]:
        """What papers print about systems that are no baselines here, for these episodes."""
        protocol = episode_set.protocol.name
        condition = size_text(episode_set.condition)
        figures = []
        for system, printed in self.dataset.load().card.published.items():
            for figure in printed:
                if (figure.protocol, figure.at) == (protocol, condition):
                    figures.append(SystemFigure(**vars(figure), system=system))
        return tuple(figures)


def make_plan(request: Request, registry: Registry) -> Plan:
    """The plan for a request, with its data loaded; raises `UserError` for what cannot be run."""
    resolved = resolve(request, registry)
    data = resolved.data
    trainings: dict[Training, list[Cell]] = {}
    for baseline in resolved.baselines:
        for sets in _by_train_size(resolved.episode_sets):
            settings, given = _settings(baseline, resolved, sets)
            for of_training in _by_training(sets):
                split = of_training[0].split
                seeds = range(request.seeds or 1) if split.run is None else [split.run]
                for seed in seeds:
                    training = Training(
                        plugin=baseline.plugin,
                        learner=baseline.learner,
                        settings=settings,
                        given=given,
                        preset=resolved.preset.name,
                        dataset_digest=data.digest,
                        split=split,
                        seed=seed,
                        version=version("fewshot-bench"),
                    )
                    trainings[training] = _cells(training, of_training, data.name)
    return Plan(resolved.dataset, data, trainings, resolved.device)


def _cells(training: Training, episode_sets: Sequence[EpisodeSet], dataset: str) -> list[Cell]:
    most = training.baseline_class.max_episodes
    return [Cell(training, episodes.at_most(most), dataset) for episodes in episode_sets]


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
    """The settings of a baseline for these episode sets, and those that the user gave.

    Later ones win: the method's defaults; the preset, where the method does not choose itself; the
    options for all baselines; the settings given for this baseline.
    """
    settings_type = baseline.baseline_class.settings_type
    preset = resolved.preset
    # one budget for every split of the classes
    train_images = max(len(episode_set.split.train) for episode_set in sets)
    values: dict[str, object] = {
        "encoder": preset.encoder,
        "image_size": preset.image_size or resolved.data.images.shape[-1],
        "passes": preset.passes(train_images, baseline.baseline_class.views),
        "precision": best_precision(resolved.device),
    }
    for name in chosen_by_method(settings_type):
        del values[name]
    given = {**settings_type.applicable(resolved.options), **baseline.overrides}
    chosen = {**settings_type.applicable(values), **given}
    settings = settings_type.given(baseline.plugin.name, chosen)
    return settings.resolved(), given
