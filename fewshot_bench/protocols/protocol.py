"""Protocols: what every baseline is trained on and tested on."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import DrawnEpisodes, EpisodeSource, Pool
from fewshot_bench.protocols.split import DrawnRuns, Size, Split, size_text
from fewshot_bench.seeds import digest

__all__ = ["Classification", "FewShot", "Protocol"]

VERSION = 1
MOST_SPLITS = 1000
MOST_CLASSES = 255  # predictions are stored as uint8, and one value means "no query"
MOST_RUNS = 1000

Groups = tuple[tuple[str, tuple[str, ...]], ...]  # (name, classes) of each group of classes


@dataclass(frozen=True, kw_only=True)
class Protocol(ABC):
    """The base class of protocols.

    train_classes, test_classes: names; of a few-shot protocol without them, `over` settles them;
    episode_seed: the seed of the episodes or splits; version: raised whenever the same protocol
    would draw other episodes.
    """

    kind: ClassVar[str]  # stands in every record
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
        """(condition, run): (shot value, None) of a few-shot protocol, else (train size, run)."""

    @property
    @abstractmethod
    def queries_text(self) -> int | str:
        """For tables: the number of queries of each class, or of test images as text, or "all"."""

    @abstractmethod
    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """The train images, and the images whose features are needed."""

    @abstractmethod
    def drawn(self, dataset_digest: str, pool: Pool, condition: Size) -> EpisodeSource:
        """The episodes with `condition` shots, or the runs with `condition` train images."""

    @abstractmethod
    def at_most(self, episodes: int | None) -> Self:
        """This protocol with at most so many episodes, for a slow baseline. Runs stay as they are.

        episodes: None means no limit.
        """

    def pool(self, data: LabelledImages) -> Pool:
        """(first index, number of images) of each test class in the data set."""
        ranges = map(data.class_range, self.test_classes)
        return tuple(ranges)

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable values. `from_dict` reads them back."""
        return {"kind": self.kind, **asdict(self)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> FewShot | Classification:
        """The protocol that `as_dict` wrote. Without a kind, it is a few-shot protocol.

        Raises `ValueError` for an unknown kind and `TypeError` for an unknown or missing field.
        """
        fields = {name: _frozen(value) for name, value in values.items()}
        kind = fields.pop("kind", FewShot.kind)
        if kind == FewShot.kind:
            return FewShot(**fields)
        if kind == Classification.kind:
            return Classification(**fields)
        raise ValueError(f"unknown kind of protocol {kind!r}")

    def _need(self, name: str, least: int, most: float = math.inf) -> None:
        """Raise `UserError` if the field `name` is not in [least, most]."""
        value = getattr(self, name)
        if not least <= value <= most:
            allowed = f"{least} or more" if most == math.inf else f"{least} to {most}"
            raise UserError(f"{name}={value} is out of bounds (allowed: {allowed})")

    def _name_for(self, data: LabelledImages) -> str:
        """The protocol's name, which starts with the name of the data set: a subset has its own."""
        name = self.name
        return name.replace(self.dataset, data.name, 1)


@dataclass(frozen=True, kw_only=True)
class FewShot(Protocol):
    """N-way k-shot recognition of held-out classes.

    A baseline is trained on all images of the train (base) classes and tested on the test (novel)
    classes: on `episodes` episodes of `ways` classes, with k support images of each class for every
    k in `shots`, and `queries` query images of each class (None: all images that are not support).
    The episodes depend only on the pixels of the data set, the test classes, these numbers and
    `episode_seed`.
    """

    kind = "few-shot"
    is_classification: ClassVar[Literal[False]] = False
    groups: ClassVar[Groups] = ()
    ways: int = 3
    shots: tuple[int, ...] = (1, 3, 5)
    queries: int | None = 15
    episodes: int = 2000

    def __post_init__(self) -> None:
        self._need("ways", 2)
        self._need("episodes", 1)
        self._need("episode_seed", 0)
        if self.queries is not None and self.queries < 1:
            raise UserError(f"queries={self.queries} is out of bounds (allowed: 1 or more, or all)")
        shots = self.shots
        if not shots or min(shots) < 1 or _repeats(shots):
            raise UserError(
                f"shots={shots} is out of bounds (allowed: different numbers, each 1 or more)"
            )

    def over(
        self, data: LabelledImages, train: Sequence[str] | None, test: Sequence[str] | None
    ) -> Self:
        """This protocol for `data`, with settled train and test classes.

        train, test: class names; both None means the classes of this protocol. If only one side is
        named, the other side is all other classes.
        Raises `UserError` if a class is unknown, too small, or both a train and a test class, or
        if there are fewer test classes than ways.
        """
        if train is None and test is None:
            train = self.train_classes
            test = self.test_classes
        train_names, test_names = _both_sides(data, train or (), test or ())
        if (train_names, test_names) == (self.train_classes, self.test_classes):
            name = self._name_for(data)
        else:
            name = f"{data.name}-custom"
        settled = replace(
            self, name=name, dataset=data.name, train_classes=train_names, test_classes=test_names
        )
        settled._check_classes(data)
        return settled

    def splits(self, data: LabelledImages) -> list[Self]:
        """This protocol for every choice of as many test classes; the others are train classes.

        Raises `UserError` if there are more than 1,000 choices.
        """
        size = len(self.test_classes)
        names = data.class_names
        count = math.comb(len(names), size)
        if count > MOST_SPLITS:
            raise UserError(
                f"{len(names)} classes have {count} splits (allowed: at most {MOST_SPLITS})"
            )
        splits = []
        for test_classes in itertools.combinations(names, size):
            split = self.over(data, None, test_classes)
            splits.append(replace(split, name=f"{data.name}-splits"))
        return splits

    def _check_classes(self, data: LabelledImages) -> None:
        """Raise `UserError` if there are too few or too many classes, or too few images."""
        if not self.train_classes:
            raise UserError(
                f"no class of {data.name} is left to train on; name fewer --test-classes"
            )
        count = len(self.test_classes)
        if self.ways > count:
            raise UserError(
                f"ways={self.ways} is more than the {count} test classes "
                f"({', '.join(self.test_classes)}); ask for fewer --ways or name more "
                "--test-classes"
            )
        if count > MOST_CLASSES:
            raise UserError(f"{count} test classes are too many (allowed: at most {MOST_CLASSES})")
        for name in self.test_classes:
            self._check_images(data, name)

    def _check_images(self, data: LabelledImages, name: str) -> None:
        """Raise `UserError` if the class is too small."""
        _, count = data.class_range(name)
        shots = max(self.shots)
        queries = 1 if self.queries is None else self.queries
        noun = "query" if queries == 1 else "queries"
        if shots + queries > count:
            raise UserError(
                f"{shots} shots and {queries} {noun} need {shots + queries} images, but class "
                f"{name!r} has {count}; ask for fewer --shots or --queries"
            )

    @property
    def conditions(self) -> list[tuple[Size, int | None]]:
        """(shot value, None) of each shot value."""
        return [(shots, None) for shots in self.shots]

    @property
    def queries_text(self) -> int | str:
        """The number of queries of each class, or "all"."""
        return self.queries or "all"

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """All images of the train classes, and all images of the test classes."""
        del condition, run
        train = data.indices(self.train_classes)
        embedded = data.indices(self.test_classes)
        return Split(self.train_classes, train, embedded)

    def drawn(self, dataset_digest: str, pool: Pool, condition: Size) -> DrawnEpisodes:
        """The episodes with `condition` support images of each class."""
        key = digest(dataset_digest, self.test_classes, self.episode_seed, self.version)
        return DrawnEpisodes(
            pool=pool,
            ways=self.ways,
            shots=int(condition),
            queries=self.queries,
            seed_key=key,
        )

    def at_most(self, episodes: int | None) -> Self:
        """This protocol with at most so many episodes; None: no limit."""
        if episodes is None or episodes >= self.episodes:
            return self
        return replace(self, episodes=episodes)


@dataclass(frozen=True, kw_only=True)
class Classification(Protocol):
    """Recognition of the trained classes in images that were not trained on.

    The images are split anew for each of `train_sizes` (images of each class, or a share below 1)
    and each of `runs` runs. Train and test images are disjoint, taken from every class in the same
    proportion, and drawn from `episode_seed` and the run alone.

    test_images: the number of test images in all classes together, or a share below 1 of each
    class; None: all images that are not trained on.
    references: a baseline without a closed-set head compares the test images with train images, at
    most so many of each class, the same number for every class.
    groups: groups of classes whose mean recall is reported.
    """

    kind = "classification"
    is_classification: ClassVar[Literal[True]] = True
    train_sizes: tuple[Size, ...]
    runs: int = 10
    test_images: Size | None = None
    references: int = 50
    groups: Groups = ()

    episodes: ClassVar[int] = 1  # a run is one episode of all classes
    queries: ClassVar[None] = None

    def __post_init__(self) -> None:
        self._need("runs", 1, MOST_RUNS)
        self._need("references", 1)
        self._need("episode_seed", 0)
        sizes = self.train_sizes
        if not sizes or _repeats(sizes) or not all(map(_is_size, sizes)):
            raise UserError(
                f"train_sizes={sizes} is out of bounds (allowed: different whole numbers of images "
                "a class, or shares between 0 and 1)"
            )
        if self.test_images is not None and not _is_size(self.test_images):
            raise UserError(
                f"test_images={self.test_images} is out of bounds (allowed: a number, a share "
                "between 0 and 1, or all)"
            )

    @property
    def ways(self) -> int:
        """The number of classes."""
        return len(self.test_classes)

    @property
    def conditions(self) -> list[tuple[Size, int | None]]:
        """(train size, run) of each run of each train size."""
        runs = range(self.runs)
        pairs = itertools.product(self.train_sizes, runs)
        return list(pairs)

    @property
    def queries_text(self) -> int | str:
        """The number or share of the test images, as text, or "all"."""
        if self.test_images is None:
            return "all"
        return size_text(self.test_images)

    def over(self, data: LabelledImages) -> Self:
        """This protocol for the classes of `data`. Raises `UserError` if a class is too small."""
        names = data.class_names
        if len(names) > MOST_CLASSES:
            raise UserError(f"{len(names)} classes are too many (allowed: at most {MOST_CLASSES})")
        name = self._name_for(data)
        settled = replace(
            self, name=name, dataset=data.name, train_classes=names, test_classes=names
        )
        pool = settled.pool(data)
        for size in self.train_sizes:
            settled.drawn(data.digest, pool, size)  # raises if a class is too small
        return settled

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """The train images, and the references and test images, of one run."""
        number = run or 0
        source = self.drawn(data.digest, self.pool(data), condition)
        episode = source.draw(number, number + 1)
        references = episode.support_TNK.ravel()
        test_images = episode.query_TNQ[episode.is_query_TNQ]
        embedded = np.unique(np.concatenate([references, test_images]))
        return Split(self.train_classes, source.train_images(number), embedded, number)

    def drawn(self, dataset_digest: str, pool: Pool, condition: Size) -> DrawnRuns:
        """The runs with `condition` train images."""
        key = digest("runs", dataset_digest, self.test_classes, self.episode_seed, self.version)
        return DrawnRuns(
            pool=pool,
            train=condition,
            test=self.test_images,
            references=self.references,
            key=key,
        )

    def at_most(self, episodes: int | None) -> Self:
        """This protocol: a run is never shortened."""
        del episodes
        return self


def _both_sides(
    data: LabelledImages, train: Sequence[str], test: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Full names of train and test classes; a side without names is all other classes."""
    train_names = data.resolve(train, "train class")
    test_names = data.resolve(test, "test class")
    if not train_names and not test_names:
        raise UserError(
            f"{data.name} has no default split; name the held-out classes with --test-classes "
            f"(allowed: {', '.join(data.class_names)})"
        )
    for name in test_names:
        if name in train_names:
            raise UserError(
                f"class {name!r} is in both train and test classes; a held-out class must not be "
                "trained on"
            )
    if not train_names:
        train_names = _others(data, test_names)
    if not test_names:
        test_names = _others(data, train_names)
    return train_names, test_names


def _others(data: LabelledImages, names: Sequence[str]) -> tuple[str, ...]:
    """All classes but those in `names`."""
    others = [name for name in data.class_names if name not in names]
    return tuple(others)


def _frozen(value: Any) -> Any:
    """The value with tuples in the place of the lists that JSON has."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return value


def _is_size(size: Size) -> bool:
    """Whether it is a share below 1 or a whole number of images."""
    if 0 < size < 1:
        return True
    return 1 <= size < math.inf and size == int(size)


def _repeats(values: Sequence[Size]) -> bool:
    """Whether a value occurs twice."""
    different = set(values)
    return len(different) < len(values)
