"""Few-shot protocols in which a query may be of a known class, or of a class without references."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from fewshot_bench.data.groups import apart_from
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import EpisodeSource, ImageGroups, Pool
from fewshot_bench.protocols.open_queries import Images, OpenEpisodeSource, held_out
from fewshot_bench.protocols.protocol import MOST_CLASSES, FewShot
from fewshot_bench.protocols.split import Size, Split, with_unlabelled
from fewshot_bench.seeds import digest

__all__ = ["ALL_KNOWN", "OpenWorld"]

ALL_KNOWN = "all"  # stands for every train class


@dataclass(frozen=True, kw_only=True)
class OpenWorld(FewShot):
    """A few-shot protocol with further queries in each episode.

    known: train classes that are candidates beside the ways of each episode (generalised few-shot:
    Xian et al. 2017, Gidaris and Komodakis 2018). A share `held_out` of their images is not trained
    on: queries are drawn from it. The other images are the references of the known classes.
    open_set: each episode also has queries of the test classes that are no ways of it: none of the
    candidates is right (Liu et al. 2020, few-shot open-set recognition).

    The ways, references and queries of the new classes are those of the few-shot protocol.
    """

    kind = "open-world"
    known: tuple[str, ...] = ()
    open_set: bool = False
    held_out: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 in self.shots:
            raise UserError(
                "shots=0 leaves nothing to compare new classes with, as --known and --open-set do; "
                "ask for 1 or more"
            )
        if not 0 < self.held_out < 1:
            raise UserError(
                f"held_out={self.held_out} is out of bounds (allowed: more than 0, less than 1)"
            )

    @property
    def candidates(self) -> tuple[str, ...]:
        """The names that predictions stand for: test classes, then known ones."""
        return (*self.test_classes, *self.known)

    def over(
        self, data: LabelledImages, train: Sequence[str] | None, test: Sequence[str] | None
    ) -> Self:
        """As of a few-shot protocol. Raises `UserError` also where a known class is none to train.

        A known class must have two images or groups, and with `open_set` there must be more test
        classes than ways.
        """
        settled = FewShot.over(replace(self, known=()), data, train, test)
        known = settled.train_classes
        if self.known != (ALL_KNOWN,):
            if ALL_KNOWN in self.known:
                raise UserError(
                    f"--known {','.join(self.known)} names classes beside {ALL_KNOWN!r}; say "
                    "--known all, or name classes"
                )
            known = data.resolve(self.known, "known class")
        for name in known:
            if name not in settled.train_classes:
                raise UserError(
                    f"known class {name!r} is a test class (allowed: "
                    f"{', '.join(settled.train_classes)}); leave it out of --known"
                )
        complete = replace(settled, known=known)
        complete._check_further_queries(data)
        return complete

    def splits(self, data: LabelledImages) -> list[Self]:
        """As of a few-shot protocol. Raises `UserError` if only some train classes are known."""
        if not self.known:
            return super().splits(data)
        if set(self.known) != set(self.train_classes):
            raise UserError(
                f"--known {','.join(self.known)} names classes that some splits hold out; say "
                "--known all beside --splits all"
            )
        return FewShot.splits(replace(self, known=(ALL_KNOWN,)), data)

    def _check_further_queries(self, data: LabelledImages) -> None:
        classes = len(self.test_classes)
        if self.open_set and self.ways >= classes:
            raise UserError(
                f"--open-set needs test classes that are no ways, and ways={self.ways} takes all "
                f"{classes} test classes; ask for fewer --ways, or name more --test-classes"
            )
        if len(self.candidates) > MOST_CLASSES:
            raise UserError(
                f"{len(self.candidates)} test and known classes are too many (allowed: at most "
                f"{MOST_CLASSES}); name fewer with --known"
            )
        trained = data.labels[self.split(data, self.shots[0], None).train]
        for name in self.known:
            if data.class_names.index(name) not in trained:
                raise UserError(
                    f"known class {name!r} has no image to train on: each shares a group with one "
                    "that is asked about; leave it out of --known and --train-classes"
                )

    def pool(self, data: LabelledImages) -> Pool:
        """(first index, number of images) of each test class, then of each known class."""
        return tuple(map(data.class_range, self.candidates))

    def image_groups(self, data: LabelledImages) -> ImageGroups:
        """The group of each image of the pool; empty if the data set has none."""
        if data.groups is None:
            return ()
        groups = data.groups[data.indices(self.candidates)]
        return tuple(groups.tolist())

    def split(self, data: LabelledImages, condition: Size, run: int | None) -> Split:
        """The images of the train classes without the held-out ones; what is asked about."""
        del condition, run
        of_train = data.indices(self.train_classes)
        of_test = data.indices(self.test_classes)
        groups = self.image_groups(data)
        parts = _held_out_of_known(self, data.digest, self.pool(data), groups)
        asked = np.concatenate([of_test, *map(np.array, parts)]).astype(np.int64)
        kept = of_train[~np.isin(of_train, asked)]
        train = apart_from(data, kept, asked)
        left_out = len(kept) - len(train)
        split = Split(self.train_classes, train, asked, left_out=left_out)
        return with_unlabelled(split, data, self.unlabelled, self.episode_seed, self.version)

    def drawn(
        self, dataset_digest: str, pool: Pool, condition: Size, groups: ImageGroups = ()
    ) -> EpisodeSource:
        """The episodes with `condition` support images of each class, and the further queries."""
        tested = pool[: len(self.test_classes)]
        images = sum(count for _, count in tested)
        base = super().drawn(dataset_digest, tested, condition, groups[:images])
        key = digest("open world", dataset_digest, self.candidates, self.episode_seed, self.version)
        known = _held_out_of_known(self, dataset_digest, pool, groups)
        of_tested = groups[:images]
        return OpenEpisodeSource(base, tested, known, self.open_set, self.queries, key, of_tested)


@functools.lru_cache(maxsize=64)  # each record that is read asks again
def _held_out_of_known(
    protocol: OpenWorld, dataset_digest: str, pool: Pool, groups: ImageGroups
) -> tuple[Images, ...]:
    """The held-out images of each known class; without groups, the class alone decides."""
    tested = len(protocol.test_classes)
    images_tested = sum(count for _, count in pool[:tested])
    group_of_image = np.array(groups)
    is_apart = ~np.isin(group_of_image, group_of_image[:images_tested])
    begin = images_tested
    of_known = []
    for name, (first, count) in zip(protocol.known, pool[tested:], strict=True):
        parts = (name, protocol.episode_seed, protocol.version)
        key = digest("held out", dataset_digest, *parts)
        images = np.arange(first, first + count)
        of_class = group_of_image[begin : begin + count]
        if groups:
            # a query must not share a group with a reference, which can be any test image
            images = images[is_apart[begin : begin + count]]
            of_class = of_class[is_apart[begin : begin + count]]
        begin += count
        try:
            held = held_out(images, of_class.tolist(), protocol.held_out, key)
        except ValueError:
            what = "groups of images apart from the test classes" if groups else "images"
            raise UserError(
                f"known class {name!r} has fewer than two {what}, and one cannot be both trained "
                "on and asked about; leave it out of --known and --train-classes"
            ) from None
        of_known.append(tuple(held.tolist()))
    return tuple(of_known)
