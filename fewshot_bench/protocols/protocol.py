"""Protocols: the questions that are put to every baseline in the same way."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import DrawnEpisodes, EpisodeSource, Pool
from fewshot_bench.protocols.split import DrawnRuns, Size, Split
from fewshot_bench.seeds import digest

__all__ = ["Classification", "FewShot", "Protocol"]

VERSION = 1
MOST_SPLITS = 1000
MOST_CLASSES = 255  # predictions are stored as uint8, one value being kept for "no query"
MOST_RUNS = 1000


@dataclass(frozen=True, kw_only=True)
class Protocol(ABC):
    """What is asked, of which classes of a data set, drawn from `episode_seed`. `kind` stands in every record."""

    kind: ClassVar[str]
    is_classification: ClassVar[bool]
    name: str
    dataset: str
    train_classes: tuple[str, ...] = ()
    test_classes: tuple[str, ...] = ()
    episode_seed: int = 0
    version: int = VERSION

    @property
    @abstractmethod
    def conditions(self) -> list[tuple[Size, int | None]]:
        """What it asks, one after another: (shots, None), or (train size, run)."""

    @abstractmethod
    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """Which images are trained on and which are asked about."""

    @abstractmethod
    def drawn(self, dataset_digest: str, pool: Pool, condition: Size) -> EpisodeSource:
        """The episodes with `condition` shots; of a classification protocol the runs with `condition` train images."""

    def pool(self, data: LabelledImages) -> Pool:
        """Where the images of each test class lie in the data set."""
        return tuple(data.class_range(name) for name in self.test_classes)

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable; `from_dict` reads it back."""
        return {"kind": self.kind, **asdict(self)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FewShot | Classification:
        """The protocol that `as_dict` wrote; one without a kind is of few shots."""
        plain = {name: _frozen(value) for name, value in values.items()}
        kind = plain.pop("kind", FewShot.kind)
        if kind not in (FewShot.kind, Classification.kind):
            raise ValueError(f"unknown kind of protocol {kind!r}")
        return Classification(**plain) if kind == Classification.kind else FewShot(**plain)

    def _need(self, name: str, least: int, most: float = math.inf) -> None:
        if not least <= getattr(self, name) <= most:
            allowed = f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise UserError(f"{name}={getattr(self, name)} is out of bounds (allowed: {allowed})")

    def _name_for(self, data: LabelledImages) -> str:
        """Its name, in which a data set of another name, as a subset has, takes the place of its own."""
        return self.name.replace(self.dataset, data.name, 1)


@dataclass(frozen=True, kw_only=True)
class FewShot(Protocol):
    """N-way k-shot recognition of held-out classes.

    Trained on every image of the train (base) classes, asked about the test (novel) classes: `episodes` episodes of
    `ways` classes, k support images each for every k in `shots`, and `queries` query images a class (None: all the
    rest). Episodes depend on the data set's pixels, the test classes, these numbers and `episode_seed` alone.
    """

    kind = "few-shot"
    is_classification = False
    ways: int = 3
    shots: tuple[int, ...] = (1, 3, 5)
    queries: int | None = 15
    episodes: int = 2000

    def __post_init__(self) -> None:
        for name, least in (("ways", 2), ("episodes", 1), ("episode_seed", 0)):
            self._need(name, least)
        if self.queries is not None and self.queries < 1:
            raise UserError(f"queries={self.queries} is out of bounds (allowed: 1 or more, or all)")
        if not self.shots or min(self.shots) < 1 or len(set(self.shots)) != len(self.shots):
            raise UserError(
                f"shots={self.shots} is out of bounds (allowed: different numbers, each 1 or more)"
            )

    def over(
        self, data: LabelledImages, train: Sequence[str] | None, test: Sequence[str] | None
    ) -> Self:
        """This protocol with its classes settled for `data`: those given, else its own, else all the others.

        Raises `UserError` where a class is unknown, in both train and test, or too small, or where there are fewer
        test classes than ways.
        """
        if train is None and test is None:
            train, test = self.train_classes, self.test_classes
        train_names, test_names = (
            data.resolve(train or (), "train class"),
            data.resolve(test or (), "test class"),
        )
        if not train_names and not test_names:
            raise UserError(
                f"{data.name} has no default split; name the held-out classes with --test-classes "
                f"(allowed: {', '.join(data.class_names)})"
            )
        both = [name for name in test_names if name in train_names]
        if both:
            raise UserError(
                f"class {both[0]!r} is in both train and test classes; a held-out class must not be trained on"
            )
        train_names = train_names or tuple(
            name for name in data.class_names if name not in test_names
        )
        test_names = test_names or tuple(
            name for name in data.class_names if name not in train_names
        )
        same = (train_names, test_names) == (self.train_classes, self.test_classes)
        name = self._name_for(data) if same else f"{data.name}-custom"
        settled = replace(
            self, name=name, dataset=data.name, train_classes=train_names, test_classes=test_names
        )
        settled._check(data)
        return settled

    def splits(self, data: LabelledImages) -> list[Self]:
        """This protocol over every choice of as many test classes, all the others being train classes.

        Raises `UserError` where there are more than 1,000 of them.
        """
        size, names = len(self.test_classes), data.class_names
        if math.comb(len(names), size) > MOST_SPLITS:
            raise UserError(
                f"{len(names)} classes have {math.comb(len(names), size)} splits (allowed: at most {MOST_SPLITS})"
            )
        choices = itertools.combinations(names, size)
        return [
            replace(self.over(data, None, test), name=f"{data.name}-splits") for test in choices
        ]

    def _check(self, data: LabelledImages) -> None:
        if not self.train_classes:
            raise UserError(
                f"no class of {data.name} is left to train on; name fewer --test-classes"
            )
        if self.ways > len(self.test_classes):
            raise UserError(
                f"ways={self.ways} is more than the {len(self.test_classes)} test classes "
                f"({', '.join(self.test_classes)}); ask for fewer --ways or name more --test-classes"
            )
        if len(self.test_classes) > MOST_CLASSES:
            raise UserError(
                f"{len(self.test_classes)} test classes are too many (allowed: at most {MOST_CLASSES})"
            )
        queries = 1 if self.queries is None else self.queries
        for name in self.test_classes:
            count = data.class_range(name)[1]
            if max(self.shots) + queries > count:
                raise UserError(
                    f"{max(self.shots)} shots and {queries} {'query' if queries == 1 else 'queries'} need "
                    f"{max(self.shots) + queries} images, but class {name!r} has {count}; "
                    "ask for fewer --shots or --queries"
                )

    @property
    def conditions(self) -> list[tuple[Size, int | None]]:
        """Its shot values."""
        return [(shots, None) for shots in self.shots]

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """All images of the train classes, and all of the test classes."""
        del condition, run
        return Split(
            self.train_classes, data.indices(self.train_classes), data.indices(self.test_classes)
        )

    def drawn(self, dataset_digest: str, pool: Pool, condition: Size) -> DrawnEpisodes:
        """The episodes with `condition` support images a class."""
        key = digest(dataset_digest, self.test_classes, self.episode_seed, self.version)
        return DrawnEpisodes(pool, self.ways, int(condition), self.queries, key)


@dataclass(frozen=True, kw_only=True)
class Classification(Protocol):
    """Recognition of the classes that were trained on, in images that were not.

    For each of `train_sizes` (images a class, or a share below 1) and each of `runs` runs, the images are split anew:
    train and test images are disjoint, in equal shares of each class, drawn from `episode_seed` and the run alone.
    test_images: how many are asked about, in all classes together, or a share below 1 of each class; None: all that were
    not trained on. A baseline with a closed-set head decides by it; others by references from the train images, at most
    `references` of each class, and as many as the smallest class has. groups: classes whose mean recall is told.
    """

    kind = "classification"
    is_classification = True
    train_sizes: tuple[Size, ...]
    runs: int = 10
    test_images: Size | None = None
    references: int = 50
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()

    episodes: ClassVar[int] = 1  # a run is one episode of all classes
    queries: ClassVar[None] = None

    def __post_init__(self) -> None:
        self._need("runs", 1, MOST_RUNS)
        self._need("references", 1)
        self._need("episode_seed", 0)
        sizes = self.train_sizes
        if not sizes or len(set(sizes)) != len(sizes) or any(not _is_size(size) for size in sizes):
            raise UserError(
                f"train_sizes={sizes} is out of bounds (allowed: different whole numbers of images a class, or shares "
                "between 0 and 1)"
            )
        if self.test_images is not None and not _is_size(self.test_images):
            raise UserError(
                f"test_images={self.test_images} is out of bounds (allowed: a number, a share between 0 and 1, or all)"
            )

    @property
    def ways(self) -> int:
        """All its classes."""
        return len(self.test_classes)

    @property
    def conditions(self) -> list[tuple[Size, int | None]]:
        """Its train sizes, each with its runs."""
        return [(size, run) for size in self.train_sizes for run in range(self.runs)]

    def over(self, data: LabelledImages) -> Self:
        """This protocol for the classes of `data`; raises `UserError` where a class is too small."""
        names = data.class_names
        if len(names) > MOST_CLASSES:
            raise UserError(f"{len(names)} classes are too many (allowed: at most {MOST_CLASSES})")
        settled = replace(
            self,
            name=self._name_for(data),
            dataset=data.name,
            train_classes=names,
            test_classes=names,
        )
        for size in self.train_sizes:
            settled.drawn(data.digest, settled.pool(data), size)
        return settled

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """The images of one run."""
        source, number = self.drawn(data.digest, self.pool(data), condition), run or 0
        episode = source.draw(number, number + 1)
        asked = np.concatenate(
            [episode.support_TNK.ravel(), episode.query_TNQ[episode.is_query_TNQ]]
        )
        return Split(self.train_classes, source.train_images(number), np.unique(asked), number)

    def drawn(self, dataset_digest: str, pool: Pool, condition: Size) -> DrawnRuns:
        """The runs with `condition` train images."""
        key = digest("runs", dataset_digest, self.test_classes, self.episode_seed, self.version)
        return DrawnRuns(pool, condition, self.test_images, self.references, key)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _is_size(size: Size) -> bool:
    return 0 < size < 1 or (size >= 1 and size == int(size))
