"""A protocol: the question that is put to every baseline in the same way."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from fewshot_bench.episode import DrawnEpisodes, Pool
from fewshot_bench.errors import UserError
from fewshot_bench.labelled import LabelledImages
from fewshot_bench.seeds import digest

__all__ = ["Protocol"]

VERSION = 1
MOST_SPLITS = 1000
MOST_CLASSES = 255  # predictions are stored as uint8, one value being kept for "no query"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """N-way k-shot recognition of held-out classes.

    Trained on every image of the train (base) classes, asked about the test (novel) classes: `episodes` episodes of
    `ways` classes, k support images each for every k in `shots`, and `queries` query images a class (None: all the
    rest). Episodes depend on the data set's pixels, the test classes, these numbers and `episode_seed` alone.
    """

    name: str
    dataset: str
    train_classes: tuple[str, ...] = ()
    test_classes: tuple[str, ...] = ()
    ways: int = 3
    shots: tuple[int, ...] = (1, 3, 5)
    queries: int | None = 15
    episodes: int = 2000
    episode_seed: int = 0
    version: int = VERSION

    def __post_init__(self) -> None:
        for name, least in (("ways", 2), ("episodes", 1), ("episode_seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{name}={getattr(self, name)} is out of bounds (allowed: {least} or more)")
        if self.queries is not None and self.queries < 1:
            raise UserError(f"queries={self.queries} is out of bounds (allowed: 1 or more, or all)")
        if not self.shots or min(self.shots) < 1 or len(set(self.shots)) != len(self.shots):
            raise UserError(f"shots={self.shots} is out of bounds (allowed: different numbers, each 1 or more)")

    def over(self, data: LabelledImages, train: Sequence[str] | None, test: Sequence[str] | None) -> Self:
        """This protocol with its classes settled for `data`: those given, else its own, else all the others.

        Raises `UserError` where a class is unknown, in both train and test, or too small, or where there are fewer
        test classes than ways.
        """
        if train is None and test is None:
            train, test = self.train_classes, self.test_classes
        train_names, test_names = data.resolve(train or (), "train class"), data.resolve(test or (), "test class")
        if not train_names and not test_names:
            raise UserError(
                f"{data.name} has no default split; name the held-out classes with --test-classes "
                f"(allowed: {', '.join(data.class_names)})"
            )
        both = [name for name in test_names if name in train_names]
        if both:
            raise UserError(f"class {both[0]!r} is in both train and test classes; a held-out class must not be trained on")
        train_names = train_names or tuple(name for name in data.class_names if name not in test_names)
        test_names = test_names or tuple(name for name in data.class_names if name not in train_names)
        same = (train_names, test_names) == (self.train_classes, self.test_classes)
        name = self.name if same else f"{data.name}-custom"
        settled = replace(self, name=name, dataset=data.name, train_classes=train_names, test_classes=test_names)
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
        return [replace(self.over(data, None, test), name=f"{data.name}-splits") for test in choices]

    def _check(self, data: LabelledImages) -> None:
        if not self.train_classes:
            raise UserError(f"no class of {data.name} is left to train on; name fewer --test-classes")
        if self.ways > len(self.test_classes):
            raise UserError(
                f"ways={self.ways} is more than the {len(self.test_classes)} test classes "
                f"({', '.join(self.test_classes)}); ask for fewer --ways or name more --test-classes"
            )
        if len(self.test_classes) > MOST_CLASSES:
            raise UserError(f"{len(self.test_classes)} test classes are too many (allowed: at most {MOST_CLASSES})")
        queries = 1 if self.queries is None else self.queries
        for name in self.test_classes:
            count = data.class_range(name)[1]
            if max(self.shots) + queries > count:
                raise UserError(
                    f"{max(self.shots)} shots and {queries} {'query' if queries == 1 else 'queries'} need "
                    f"{max(self.shots) + queries} images, but class {name!r} has {count}; "
                    "ask for fewer --shots or --queries"
                )

    def pool(self, data: LabelledImages) -> Pool:
        """Where the images of each test class lie in the data set."""
        return tuple(data.class_range(name) for name in self.test_classes)

    def drawn(self, dataset_digest: str, pool: Pool, shots: int) -> DrawnEpisodes:
        """The episodes with `shots` support images a class."""
        key = digest(dataset_digest, self.test_classes, self.episode_seed, self.version)
        return DrawnEpisodes(pool, self.ways, shots, self.queries, key)

    def as_dict(self) -> dict[str, Any]:
        """JSON-serialisable; `from_dict` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The protocol that `as_dict` wrote."""
        lists = {name: tuple(values[name]) for name in ("train_classes", "test_classes", "shots")}
        return cls(**{**values, **lists})
