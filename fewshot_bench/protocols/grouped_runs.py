"""Runs of a classification protocol over images with groups: a group is on one side only.

Shapes: M images of the pool, G groups.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError
from fewshot_bench.protocols.episode import (
    ImageGroups,
    Ints,
    first_of_shuffle,
    in_data_set,
    pool_images,
)
from fewshot_bench.protocols.split import DrawnRuns, Part, size_text

__all__ = ["GroupedRuns"]


@dataclass(frozen=True)
class GroupedRuns(DrawnRuns):
    """Runs whose train and test images share no group.

    Each run shuffles the groups of all classes together, and then the images within each group.
    Every class has its images in that order. It trains on the first and is tested on the last, as
    in `DrawnRuns`. If the number of test images is given, they are taken first, and train images
    come from the other groups; else train images are taken first, and all images of the other
    groups are tested. What is left of a group that is on the other side is left out.

    groups: of the images of the pool; class_names: for messages.
    """

    groups: ImageGroups
    class_names: tuple[str, ...]

    @functools.cached_property
    def _group_of_image(self) -> npt.NDArray[np.int64]:
        """The group of each image, by its index in the data set, numbered from 0."""
        _, dense_M = np.unique(self.groups, return_inverse=True)
        return in_data_set(self.pool, dense_M)

    def shuffled(self, run: int) -> list[Ints]:
        """The image indices of each class, group after group, in the order of this run."""
        images_M = pool_images(self.pool)
        group_M = self._group_of_image[images_M]
        groups = int(group_M.max()) + 1
        words = self._words(run, groups + len(images_M))
        group_words = words[:groups][None]
        order_G = first_of_shuffle(group_words, np.array([groups], dtype=np.int32))[0]
        place_G = np.argsort(order_G)
        image_words_M = words[groups : groups + len(images_M)]
        # by group; within a group by a random number
        order_M = np.lexsort((image_words_M, place_G[group_M]))
        labels_M = np.repeat(np.arange(len(self.pool)), self.class_sizes)
        orders = []
        for label in range(len(self.pool)):
            of_class = order_M[labels_M[order_M] == label]
            orders.append(images_M[of_class].astype(np.int32))
        return orders

    def parts(self, run: int) -> list[Part]:
        """The train and test images of each class.

        Raises `UserError` if a class has too few of them.
        """
        orders = self.shuffled(run)
        if self.test is None:
            train = _first(orders, self.train_counts)
            test = self._outside(orders, train)
        else:
            test = _last(orders, self.test_counts)
            train = _first(self._outside(orders, test), self.train_counts)
        parts = [Part(*both) for both in zip(train, test, strict=True)]
        for label, part in enumerate(parts):
            self._check(label, part, run)
        return parts

    def left_out(self, run: int) -> int:
        """Images that are neither trained on nor tested though all others are tested, else 0."""
        if self.test is not None:
            return 0
        used = sum(len(part.train) + len(part.test) for part in self.parts(run))
        return sum(self.class_sizes) - used

    def _outside(self, orders: list[Ints], chosen: list[Ints]) -> list[Ints]:
        """The images of each class of groups without a chosen image, in their order."""
        taken = np.unique(self._group_of_image[np.concatenate(chosen)])
        outside = []
        for order in orders:
            is_taken = np.isin(self._group_of_image[order], taken)
            outside.append(order[~is_taken])
        return outside

    def _check(self, label: int, part: Part, run: int) -> None:
        """Raise `UserError` if the class has fewer train or test images than there should be."""
        train = self.train_counts[label]
        test = 1 if self.test is None else self.test_counts[label]
        if len(part.train) == train and len(part.test) >= test:
            return
        size = self.class_sizes[label]
        order = self.shuffled(run)[label]
        groups = len(np.unique(self._group_of_image[order]))
        raise UserError(
            f"train size {size_text(self.train)}, run {run}: class {self.class_names[label]!r} "
            f"({size} images in {groups} groups) has {len(part.train)} of {train} images to train "
            f"on and {len(part.test)} of {test} or more to test on, since no group is on both "
            "sides; choose smaller sizes with --train-per-class, --train-fraction or --test-images"
        )

    def _references(self, train: Ints) -> Ints:
        """The references among the labelled images of a class: spread over their groups."""
        places = np.arange(self.shots) * len(train) // self.shots
        return train[places]


def _first(orders: list[Ints], counts: list[int]) -> list[Ints]:
    return [order[:count] for order, count in zip(orders, counts, strict=True)]


def _last(orders: list[Ints], counts: list[int]) -> list[Ints]:
    return [order[-count:] for order, count in zip(orders, counts, strict=True)]
