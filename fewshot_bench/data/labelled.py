"""Labelled images in memory, grouped by class."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.glance import Glance
from fewshot_bench.data.pixels import pieces, pixels_at
from fewshot_bench.errors import UserError, unknown
from fewshot_bench.seeds import digest

__all__ = ["LabelledImages", "group_by_class"]

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Boxes = tuple[npt.NDArray[np.int64], ...]
# (file, class name) of each copy of a picture that lies in several classes
Contradiction = tuple[tuple[str, str], ...]
Composition = tuple[tuple[str, ...], ...]
MOST_FILES_NAMED = 3  # in a message


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LabelledImages:
    """uint8 images in memory, grouped by class.

    images: (M, C, H, W), C = 1 (grey) or 3 (RGB);
    labels: (M,), indices into `class_names`, never decreasing: the images of a class are one range;
    files: M names;
    digest: SHA-256 of pixels, labels and class names;
    dropped: (file, earlier file) of each byte-identical copy that was left out;
    contradictions: of each picture that lies in several classes, (file, class name) of all its
    copies; all of them were left out;
    boxes: for each image an (n, 4) array of xmin, ymin, xmax, ymax in pixels, or None;
    notes: what a user should know about these images;
    abbreviations: short names of classes -> class names;
    defects, composition: the kinds of defect, and of each class those that it is made of (none, if
    it is flawless); both empty, if each class is a kind of its own;
    mask_channel: which channel of the images is 255 where the defect is and 0 elsewhere, or None;
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
    contradictions: tuple[Contradiction, ...] = ()
    boxes: Boxes | None = None
    notes: tuple[str, ...] = ()
    abbreviations: Mapping[str, str] = dataclasses.field(default_factory=dict)
    defects: tuple[str, ...] = ()
    composition: Composition = ()
    mask_channel: int | None = None
    groups: npt.NDArray[np.int64] | None = None
    group_by: str = ""

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        """A few lines: size, classes and notes."""
        return self._glance.text

    def _repr_html_(self) -> str:
        """A table with a picture of each class, as a notebook shows it."""
        return self._glance.table

    @property
    def _glance(self) -> Glance:
        _, channels, height, width = self.images.shape
        colours = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
        count = f"{len(self):,} {colours} images of {width} x {height} pixels"
        notes = list(self.notes)
        if self.dropped:
            notes.append(f"byte-identical copies left out: {len(self.dropped)}")
        if self.contradictions:
            notes.append(f"pictures left out that lie in two classes: {len(self.contradictions)}")
        ranges = [self.class_range(name) for name in self.class_names]
        counts = [images for _, images in ranges]
        return Glance(
            about=f"{self.name}: {count}, {len(self.class_names)} classes",
            counts=list(zip(self.class_names, counts, strict=True)),
            notes=notes,
            first=[np.asarray(self.images[index]) for index, _ in ranges],
        )

    @property
    def defects_CP(self) -> npt.NDArray[np.bool_]:
        """Which kinds of defect each class is made of; without `composition`, each is its own."""
        if not self.composition:
            return np.eye(len(self.class_names), dtype=np.bool_)
        rows = [[defect in of_class for defect in self.defects] for of_class in self.composition]
        return np.array(rows, dtype=np.bool_)

    def masks(self) -> Images | None:
        """(M, H, W): 255 where the defect is, else 0; None if the data set does not say where.

        From the channel that says so, or filled boxes.
        """
        if self.mask_channel is not None:
            return self.images[:, self.mask_channel]
        if self.boxes is None:
            return None
        height, width = self.images.shape[2:]
        masks = np.zeros((len(self), height, width), dtype=np.uint8)
        for mask, boxes in zip(masks, self.boxes, strict=True):
            for left, top, right, bottom in boxes.tolist():
                mask[top:bottom, left:right] = 255
        return masks

    def beside_labels_digest(self, sees: Collection[str]) -> str:
        """The digest of defects and masks, as far as `sees` names them; empty if it names none."""
        parts: list[object] = []
        if "defects" in sees:
            parts.append(["defects", self.defects, self.composition])
        if "masks" in sees:
            boxes = [] if self.boxes is None else [rows.tolist() for rows in self.boxes]
            parts.append(["masks", self.mask_channel, boxes])
        return digest(*parts) if parts else ""

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
            images=pixels_at(self.images, indices),
            labels=np.array(labels, dtype=np.int64),
            class_names=tuple(classes),
            files=tuple(self.files[index] for index in indices),
            digest=digest(self.digest, list(classes), indices_digest),
            boxes=_boxes_at(self.boxes, indices),
            abbreviations=abbreviations,
            composition=self._composition_of(classes),
            groups=None if self.groups is None else self.groups[indices],
        )

    def _composition_of(self, classes: Sequence[str]) -> Composition:
        if not self.composition:
            return ()
        return tuple(self.composition[self.class_names.index(name)] for name in classes)


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
    image of the class are dropped, and all copies of an image that has several classes. Raises
    `UserError` if a class has no image.
    """
    all_labels = np.asarray(labels, dtype=np.int64)
    order = np.argsort(all_labels, kind="stable").tolist()
    kept, copies, contradictory = _without_copies(images, all_labels, order)
    contradictions = []
    for indices in contradictory:
        named = tuple((files[index], class_names[all_labels[index]]) for index in indices)
        contradictions.append(named)
    if kept != list(range(len(images))):  # else no copy of the pixels is needed
        images = pixels_at(images, kept)
    kept_labels = all_labels[kept]
    for label, class_name in enumerate(class_names):
        if label not in kept_labels:
            raise _empty_class(name, class_name, contradictions)
    return LabelledImages(
        name=name,
        images=images,
        labels=kept_labels,
        class_names=tuple(class_names),
        files=tuple(files[index] for index in kept),
        digest=_content_digest(images, kept_labels, class_names),
        dropped=tuple((files[index], files[earlier]) for index, earlier in copies),
        contradictions=tuple(contradictions),
        boxes=_boxes_at(boxes, kept),
        notes=tuple(notes),
        abbreviations=abbreviations or {},
    )


def _without_copies(
    images: Images, labels: Labels, order: Sequence[int]
) -> tuple[list[int], list[tuple[int, int]], list[list[int]]]:
    """Indices of the images to keep, (index, earlier index) of each copy, and contradictions.

    All are in `order`. A contradiction holds the indices of an image that has several labels.
    """
    digests = [
        hashlib.sha256(image.tobytes()).digest() for part in pieces(images) for image in part
    ]
    with_pixels: dict[bytes, list[int]] = {}
    for index in order:
        with_pixels.setdefault(digests[index], []).append(index)
    kept = []
    copies = []
    contradictions = []
    for indices in with_pixels.values():
        if len(set(labels[indices].tolist())) > 1:
            contradictions.append(indices)
            continue
        kept.append(indices[0])
        copies += [(index, indices[0]) for index in indices[1:]]
    return kept, copies, contradictions


def _empty_class(name: str, class_name: str, contradictions: Sequence[Contradiction]) -> UserError:
    """The error for a class of which no image is left."""
    pairs = []
    for copies in contradictions:
        texts = [f"{file} ({label})" for file, label in copies]
        if class_name in [label for _, label in copies]:
            pairs.append(" is ".join(texts))
    if not pairs:
        return UserError(f"class {class_name!r} of {name} has no image; remove it or add images")
    files = "; ".join(pairs[:MOST_FILES_NAMED])
    others = len(pairs) - MOST_FILES_NAMED
    more = f" and {others} more" if others > 0 else ""
    return UserError(
        f"class {class_name!r} of {name} has no image of its own: each lies in another class too "
        f"({files}{more}); keep each picture in one class"
    )


def _content_digest(images: Images, labels: Labels, class_names: Sequence[str]) -> str:
    """SHA-256 (64 hex digits) of shape, class names, class sizes and pixels."""
    class_sizes = np.bincount(labels).tolist()
    header = repr((images.shape, tuple(class_names), class_sizes))
    sha = hashlib.sha256(header.encode())
    for part in pieces(images):
        sha.update(np.ascontiguousarray(part).data)
    return sha.hexdigest()


def _boxes_at(
    boxes: Boxes | None, indices: Sequence[int] | npt.NDArray[np.integer]
) -> Boxes | None:
    if boxes is None:
        return None
    return tuple(boxes[index] for index in indices)
