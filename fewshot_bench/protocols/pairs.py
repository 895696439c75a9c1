"""Pair verification: do two pictures of held-out classes show the same class?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

import numpy as np

from fewshot_bench.data.groups import apart_from
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.drawn_pairs import DrawnPairs, Images, Turns, most_pairs
from fewshot_bench.protocols.episode import ImageGroups, Pool
from fewshot_bench.protocols.protocol import MOST_CLASSES, Groups, Protocol
from fewshot_bench.protocols.sides import settled_sides
from fewshot_bench.protocols.split import Size, Split, with_unlabelled
from fewshot_bench.protocols.unlabelled import check_unlabelled
from fewshot_bench.seeds import digest

__all__ = ["Pairs"]

MOST_PAIRS = 60_000  # the ranks of their scores are stored as uint16


@dataclass(frozen=True, kw_only=True)
class Pairs(Protocol):
    """Pair verification on held-out classes, as Deshpande, Minai and Kumar (2020) test.

    A baseline is trained on all images of the train classes and asked about `pairs` pairs of images
    of the test classes: half of them are of one class, in equal parts of each class, and half of
    two, in equal parts of each two classes. Chance is 50 %. No pair comes twice. The pairs depend
    only on the pixels of the data set, the test classes, these settings and `episode_seed`.

    turned: each image is shown by a random number of quarter turns, mirrored or not, the same in
    all of its pairs.
    """

    kind = "pairs"
    is_classification: ClassVar[Literal[False]] = False
    groups: ClassVar[Groups] = ()
    ways: ClassVar[int] = 2  # the same class, or two
    queries: ClassVar[int] = 1
    pairs: int = 900
    turned: bool = True

    def __post_init__(self) -> None:
        self._need("pairs", 2, MOST_PAIRS)
        self._need("episode_seed", 0)
        check_unlabelled(self.unlabelled)
        if self.pairs % 2:
            raise UserError(
                f"pairs={self.pairs} is odd, and half of the pairs are of one class; ask for "
                f"{self.pairs + 1}"
            )

    @property
    def episodes(self) -> int:
        """Each pair is an episode: an image, and one that is compared with it."""
        return self.pairs

    @property
    def conditions(self) -> list[tuple[Size, int | None]]:
        """One image is there to compare with."""
        return [(1, None)]

    def condition_text(self, condition: Size) -> str:
        """The number of pairs."""
        del condition
        return f"{self.pairs} pairs"

    @property
    def queries_text(self) -> int | str:
        """One image is compared."""
        return self.queries

    def over(
        self, data: LabelledImages, train: Sequence[str] | None, test: Sequence[str] | None
    ) -> Self:
        """This protocol for `data`, with settled classes, as those of a few-shot protocol.

        Raises `UserError` where the test classes do not have so many pairs.
        """
        own = (self.train_classes, self.test_classes)
        sides = settled_sides(data, own, train, test)
        name = self._name_for(data) if sides.are_own else f"{data.name}-custom-pairs"
        settled = replace(
            self,
            name=name,
            dataset=data.name,
            train_classes=sides.train,
            test_classes=sides.test,
        )
        settled._check(data)
        return settled

    def _check(self, data: LabelledImages) -> None:
        names = ", ".join(self.test_classes)
        count = len(self.test_classes)
        if not self.train_classes:
            raise UserError(f"no class of {data.name} is left to train on; name --train-classes")
        if not 2 <= count <= MOST_CLASSES:
            raise UserError(
                f"pairs are of {count} test classes ({names}) (allowed: 2 to {MOST_CLASSES}); name "
                "others with --test-classes"
            )
        height, width = data.images.shape[2:]
        if self.turned and height != width:
            raise UserError(
                f"images of {width} x {height} pixels cannot be turned by quarters; give images "
                "that are square, or a protocol with turned=False"
            )
        most = most_pairs(self._test_images(self.pool(data)), self.image_groups(data))
        if self.pairs > most:
            raise UserError(
                f"{self.pairs} pairs are more than the test classes ({names}) have: {most}, in "
                "equal parts of each class and of each two; ask for fewer --pairs"
            )

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """The images of the train classes, and all images of the test classes."""
        del condition, run
        of_train = data.indices(self.train_classes)
        embedded = data.indices(self.test_classes)
        train = apart_from(data, of_train, embedded)
        left_out = len(of_train) - len(train)
        split = Split(self.train_classes, train, embedded, left_out=left_out)
        return with_unlabelled(split, data, self.unlabelled, self.episode_seed, self.version)

    def drawn(
        self, dataset_digest: str, pool: Pool, condition: Size, groups: ImageGroups = ()
    ) -> DrawnPairs:
        """The pairs, each as an episode. No two images of one group are a pair."""
        del condition
        return DrawnPairs(self._test_images(pool), self.pairs, self._key(dataset_digest), groups)

    def turns(self, dataset_digest: str) -> Turns:
        """How each image of the data set is turned."""
        return Turns(digest("turns", self._key(dataset_digest))) if self.turned else Turns("")

    def train_pairs(self, data: LabelledImages) -> DrawnPairs:
        """As many pairs of train images, or as many as there are, drawn as the test pairs are.

        A baseline without a threshold of its own gets one from them. Raises `ValueError` where
        there is a single train class, or one of a single image or group.
        """
        train = self.split(data, 1, None).train
        of_classes = []
        for name in self.train_classes:
            first, count = data.class_range(name)
            of_class = train[(train >= first) & (train < first + count)]
            of_classes.append(tuple(of_class.tolist()))
        groups: ImageGroups = ()
        if data.groups is not None:
            groups = tuple(data.groups[np.concatenate(of_classes)].tolist())
        classes = tuple(of_classes)
        count = min(self.pairs, most_pairs(classes, groups))
        if count == 0:
            raise ValueError("a train class has no pair of images")
        key = digest("train pairs", self.train_classes, self._key(data.digest))
        return DrawnPairs(classes, count, key, groups)

    def _key(self, dataset_digest: str) -> str:
        parts = (self.test_classes, self.episode_seed, self.version)
        return digest("pairs", dataset_digest, *parts, self.pairs, self.turned)

    @staticmethod
    def _test_images(pool: Pool) -> tuple[Images, ...]:
        return tuple(tuple(range(first, first + count)) for first, count in pool)

    def at_most(self, episodes: int | None) -> Self:
        """This protocol: pairs are answered fast, and are never fewer."""
        del episodes
        return self
