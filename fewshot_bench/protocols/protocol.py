"""Protocols: what every baseline is trained on and tested on."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.groups import apart_from
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import DrawnEpisodes, EpisodeSource, ImageGroups, Pool
from fewshot_bench.protocols.grouped_episodes import GroupedEpisodes, check_groups
from fewshot_bench.protocols.grouped_runs import GroupedRuns
from fewshot_bench.protocols.sides import check_ways, settled_sides
from fewshot_bench.protocols.split import (
    DrawnRuns,
    Size,
    Split,
    is_size,
    repeats,
    size_text,
    with_unlabelled,
)
from fewshot_bench.protocols.unlabelled import check_unlabelled
from fewshot_bench.seeds import digest

__all__ = ["MOST_CLASSES", "SPLITS_SUFFIX", "Classification", "FewShot", "Groups", "Protocol"]

VERSION = 1
SPLITS_SUFFIX = "-splits"  # ends the name of the protocol that every split of a data set shares
MOST_SPLITS = 1000
# predictions are stored as uint8: one value means "no query", and one "none of the classes"
MOST_CLASSES = 254
MOST_RUNS = 1000

Groups = tuple[tuple[str, tuple[str, ...]], ...]  # (name, classes) of each group of classes


@dataclass(frozen=True, kw_only=True)
class Protocol(ABC):
    """The base class of protocols.

    train_classes, test_classes: names; of a few-shot protocol without them, `over` settles them;
    episode_seed: the seed of the episodes or splits; version: raised whenever the same protocol
    would draw other episodes; unlabelled: the share of the train images of each class whose labels
    are taken away, less than 1.
    """

    kind: ClassVar[str]  # stands in every record
    is_classification: ClassVar[bool]
    name: str
    dataset: str
    train_classes: tuple[str, ...] = ()
    test_classes: tuple[str, ...] = ()
    episode_seed: int = 0
    version: int = VERSION
    unlabelled: float = 0.0

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
    def drawn(
        self, dataset_digest: str, pool: Pool, condition: Size, groups: ImageGroups = ()
    ) -> EpisodeSource:
        """The episodes with `condition` shots, or the runs with `condition` train images.

        groups: of the images of the pool, which support and query, or train and test, do not share.
        """

    @abstractmethod
    def at_most(self, episodes: int | None) -> Self:
        """This protocol with at most so many episodes, for a slow baseline. Runs stay as they are.

        episodes: None means no limit.
        """

    def condition_text(self, condition: Size) -> str:
        """A condition in words, for messages."""
        return "1 shot" if condition == 1 else f"{condition} shots"

    @property
    def is_one_of_splits(self) -> bool:
        """Whether it is one of all splits of the classes of its data set."""
        return self.name == f"{self.dataset}{SPLITS_SUFFIX}"

    def pool(self, data: LabelledImages) -> Pool:
        """(first index, number of images) of each test class in the data set."""
        ranges = map(data.class_range, self.test_classes)
        return tuple(ranges)

    def image_groups(self, data: LabelledImages) -> ImageGroups:
        """The group of each image of the pool; empty if the data set has none."""
        if data.groups is None:
            return ()
        groups = data.groups[data.indices(self.test_classes)]
        return tuple(groups.tolist())

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable values. `protocol_of` reads them back."""
        values = {"kind": self.kind, **asdict(self)}
        if self.unlabelled == 0:
            del values["unlabelled"]  # as in records of before there was such a share
        return values

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
    k in `shots` (0: none), and `queries` query images of each class (None: all images that are not
    support). The episodes depend only on the pixels of the data set, the test classes, these
    numbers and `episode_seed`.
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
        check_unlabelled(self.unlabelled)
        if self.queries is not None and self.queries < 1:
            raise UserError(f"queries={self.queries} is out of bounds (allowed: 1 or more, or all)")
        shots = self.shots
        if not shots or min(shots) < 0 or repeats(shots):
            raise UserError(
                f"shots={shots} is out of bounds (allowed: different numbers, each 1 or more, or 0 "
                "for no references)"
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
        sides = settled_sides(data, (self.train_classes, self.test_classes), train, test)
        name = self._name_for(data) if sides.are_own else f"{data.name}-custom"
        settled = replace(
            self, name=name, dataset=data.name, train_classes=sides.train, test_classes=sides.test
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
            splits.append(replace(split, name=f"{data.name}{SPLITS_SUFFIX}"))
        return splits

    def _check_classes(self, data: LabelledImages) -> None:
        """Raise `UserError` if there are too few or too many classes, or too few images."""
        check_ways(data, self.ways)
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
        self._check_groups(data)

    def _check_groups(self, data: LabelledImages) -> None:
        """Raise `UserError` if a test class has too few groups or a train class no image."""
        groups = self.image_groups(data)
        if not groups:
            return
        pool = self.pool(data)
        check_groups(self.test_classes, pool, groups, self.ways, max(self.shots), self.queries)
        for name in self.train_classes:
            if len(self._train_images(data, [name])) == 0:
                raise UserError(
                    f"class {name!r} has no image to train on: each shares a group with a test "
                    "class; leave it out of --train-classes, or test on other classes"
                )

    def _train_images(self, data: LabelledImages, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """The images of train classes, without those of groups that test classes have as well."""
        return apart_from(data, data.indices(classes), data.indices(self.test_classes))

    def _check_images(self, data: LabelledImages, name: str) -> None:
        """Raise `UserError` if the class is too small."""
        _, count = data.class_range(name)
        shots = max(self.shots)
        queries = 1 if self.queries is None else self.queries
        noun = "query" if queries == 1 else "queries"
        if shots + queries > count:
            raise UserError(
                f"{shots} shots and {queries} {noun} need {shots + queries} images, but class "
                f"{name!r} has {count}; ask for fewer {'--shots or ' if shots else ''}--queries"
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
        """The images of the train classes, and all images of the test classes."""
        del condition, run
        train = self._train_images(data, self.train_classes)
        embedded = data.indices(self.test_classes)
        left_out = len(data.indices(self.train_classes)) - len(train)
        split = Split(self.train_classes, train, embedded, left_out=left_out)
        return with_unlabelled(split, data, self.unlabelled, self.episode_seed, self.version)

    def drawn(
        self, dataset_digest: str, pool: Pool, condition: Size, groups: ImageGroups = ()
    ) -> EpisodeSource:
        """The episodes with `condition` support images of each class."""
        key = digest(dataset_digest, self.test_classes, self.episode_seed, self.version)
        shots = int(condition)
        if groups:
            return GroupedEpisodes(pool, self.ways, shots, self.queries, key, groups)
        return DrawnEpisodes(pool, self.ways, shots, self.queries, key)

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
        check_unlabelled(self.unlabelled)
        sizes = self.train_sizes
        if not sizes or repeats(sizes) or not all(map(is_size, sizes)):
            raise UserError(
                f"train_sizes={sizes} is out of bounds (allowed: different whole numbers of images "
                "a class, or shares between 0 and 1)"
            )
        if self.test_images is not None and not is_size(self.test_images):
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

    def condition_text(self, condition: Size) -> str:
        """The train size."""
        return f"train size {size_text(condition)}"

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
        for size in self.train_sizes:
            settled._runs(data, size)  # raises if a class is too small
        return settled

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """The train images, and the references and test images, of one run."""
        number = run or 0
        source = self._runs(data, condition)
        episode = source.draw(number, number + 1)
        references = episode.support_TNK.ravel()
        test_images = episode.query_TNQ[episode.is_query_TNQ]
        embedded = np.unique(np.concatenate([references, test_images]))
        train = source.train_images(number)
        split = Split(self.train_classes, train, embedded, number, source.left_out(number))
        return replace(split, unlabelled=source.unlabelled_images(number))

    def _runs(self, data: LabelledImages, condition: Size) -> DrawnRuns:
        return self.drawn(data.digest, self.pool(data), condition, self.image_groups(data))

    def drawn(
        self, dataset_digest: str, pool: Pool, condition: Size, groups: ImageGroups = ()
    ) -> DrawnRuns:
        """The runs with `condition` train images."""
        parts = (dataset_digest, self.test_classes, self.episode_seed, self.version)
        sizes = (pool, condition, self.test_images, self.references)
        if groups:
            key = digest("grouped runs", *parts, groups)
            return GroupedRuns(*sizes, key, groups, self.test_classes, unlabelled=self.unlabelled)
        return DrawnRuns(*sizes, digest("runs", *parts), unlabelled=self.unlabelled)

    def at_most(self, episodes: int | None) -> Self:
        """This protocol: a run is never shortened."""
        del episodes
        return self
