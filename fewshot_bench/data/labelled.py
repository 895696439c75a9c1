"""Labelled images in memory, grouped by class."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fewshot_bench.errors import UserError, unknown
from fewshot_bench.seeds import digest

__all__ = ["LabelledImages", "group_by_class"]

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Boxes = tuple[npt.NDArray[np.int64], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledImages:
    """uint8 images in memory, grouped by class.

    images: (M, C, H, W), C = 1 (grey) or 3 (RGB);
    labels: (M,), indices into `class_names`, never decreasing: the images of a class are one range;
    files: M names;
    digest: SHA-256 of pixels, labels and class names;
    dropped: (file, earlier file) of each byte-identical copy that was left out;
    boxes: for each image an (n, 4) array of xmin, ymin, xmax, ymax in pixels, or None;
    notes: what a user should know about these images;
    abbreviations: short names of classes -> class names;
    groups: (M,), the group (part, plate, wafer, coil) of each image, numbered in the order in which
    they first appear in the whole data set, or None;
    group_by: where the groups come from, or empty.
    """

    name: str
    images: Images
    labels: Labels
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    digest: str
    dropped: tuple[tuple[str, str], ...] = ()
    boxes: Boxes | None = None
    notes: tuple[str, ...] = ()
    abbreviations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    groups: npt.NDArray[np.int64] | None = None
    group_by: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def class_range(self, name: str) -> tuple[int, int]:
        """(first index, number of images) of the class."""
        label = self.class_names.index(name)
        first, end = np.searchsorted(self.labels, (label, label + 1))
        count = end - first
        return int(first), int(count)

    def resolve(self, names: Sequence[str], what: str = "class") -> tuple[str, ...]:
        """The full class names of full names or abbreviations.

        Upper and lower case matter only if two names differ in nothing else. what: the noun for
        messages. Raises `UserError` for an unknown class and for a class that is named twice.
        """
        full_names = [self._full_name(name, what) for name in names]
        for name in sorted(full_names):
            if full_names.count(name) > 1:
                raise UserError(f"{what} {name!r} is named twice; name each class once")
        return tuple(full_names)

    def _full_name(self, name: str, what: str) -> str:
        known = dict(self.abbreviations)
        for class_name in self.class_names:
            known[class_name] = class_name
        if name in known:
            return known[name]
        matches = set()
        for spelling, class_name in known.items():
            if spelling.casefold() == name.casefold():
                matches.add(class_name)
        if len(matches) != 1:
            allowed = [*self.class_names, *self.abbreviations]
            raise unknown(f"{what} of {self.name}", name, allowed)
        return matches.pop()

    def indices(self, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """Indices of all images of `classes`, class by class."""
        ranges = []
        for name in classes:
            first, count = self.class_range(name)
            ranges.append(np.arange(first, first + count))
        return np.concatenate(ranges)

    def subset(
        self, classes: Sequence[str], at: npt.NDArray[np.integer] | None = None
    ) -> LabelledImages:
        """The images of `classes`, labelled by their position in `classes`.

        at: indices of the images, class by class; None: all images of the classes.
        """
        indices = self.indices(classes) if at is None else at
        new_labels = {}
        for position, name in enumerate(classes):
            old_label = self.class_names.index(name)
            new_labels[old_label] = position
        labels = [new_labels[label] for label in self.labels[indices].tolist()]
        abbreviations = {}
        for short, name in self.abbreviations.items():
            if name in classes:
                abbreviations[short] = name
        indices_digest = hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
        return dataclasses.replace(
            self,
            images=self.images[indices],
            labels=np.array(labels, dtype=np.int64),
            class_names=tuple(classes),
            files=tuple(self.files[index] for index in indices),
            digest=digest(self.digest, list(classes), indices_digest),
            boxes=_boxes_at(self.boxes, indices),
            abbreviations=abbreviations,
            groups=None if self.groups is None else self.groups[indices],
        )


def group_by_class(
    name: str,
    images: Images,
    labels: Sequence[int],
    class_names: Sequence[str],
    files: Sequence[str],
    *,
    boxes: Boxes | None = None,
    notes: Sequence[str] = (),
    abbreviations: Mapping[str, str] | None = None,
) -> LabelledImages:
    """`LabelledImages` from images (M, C, H, W) in any order.

    Images are grouped by class, in their order within a class. Byte-identical copies of an earlier
    image are dropped. Raises `UserError` if a class has no image.
    """
    all_labels = np.asarray(labels, dtype=np.int64)
    order = np.argsort(all_labels, kind="stable").tolist()
    kept, copies = _without_copies(images, order)
    if kept != list(range(len(images))):  # else no copy of the pixels is needed
        images = images[kept]
    kept_labels = all_labels[kept]
    for label, class_name in enumerate(class_names):
        if label not in kept_labels:
            raise UserError(
                f"class {class_name!r} of {name} has no image of its own; remove it or add images"
            )
    return LabelledImages(
        name=name,
        images=images,
        labels=kept_labels,
        class_names=tuple(class_names),
        files=tuple(files[index] for index in kept),
        digest=_content_digest(images, kept_labels, class_names),
        dropped=tuple((files[index], files[earlier]) for index, earlier in copies),
        boxes=_boxes_at(boxes, kept),
        notes=tuple(notes),
        abbreviations=abbreviations or {},
    )


def _without_copies(
    images: Images, order: Sequence[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """(indices of the images that differ, (index, earlier index) of each copy), in `order`."""
    first_with: dict[bytes, int] = {}
    kept = []
    copies = []
    for index in order:
        pixels = hashlib.sha256(images[index].tobytes()).digest()
        earlier = first_with.setdefault(pixels, index)
        if earlier == index:
            kept.append(index)
        else:
            copies.append((index, earlier))
    return kept, copies


def _content_digest(images: Images, labels: Labels, class_names: Sequence[str]) -> str:
    """SHA-256 (64 hex digits) of shape, class names, class sizes and pixels."""
    class_sizes = np.bincount(labels).tolist()
    header = repr((images.shape, tuple(class_names), class_sizes))
    sha = hashlib.sha256(header.encode())
    sha.update(np.ascontiguousarray(images).data)
    return sha.hexdigest()


def _boxes_at(
    boxes: Boxes | None, indices: Sequence[int] | npt.NDArray[np.integer]
) -> Boxes | None:
    if boxes is None:
        return None
    return tuple(boxes[index] for index in indices)
