"""Labelled images held in memory, grouped by class."""

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
Boxes = tuple[npt.NDArray[np.int64], ...]


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledImages:
    """uint8 images in memory, grouped by class.

    images: (M, C, H, W), C = 1 (grey) or 3 (RGB); labels: (M,), positions in `class_names`, never decreasing, so that
    a class is one range of indices; files: M names; digest: SHA-256 of pixels, labels and class names; dropped:
    (file, earlier file) of byte-identical copies left out; boxes: of each image an (n, 4) array of xmin, ymin, xmax,
    ymax in pixels, or None; notes: what a reader should know.
    """

    name: str
    images: Images
    labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    files: tuple[str, ...]
    digest: str
    dropped: tuple[tuple[str, str], ...] = ()
    boxes: Boxes | None = None
    notes: tuple[str, ...] = ()
    abbreviations: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def class_range(self, name: str) -> tuple[int, int]:
        """(first index, number of images) of the class."""
        label = self.class_names.index(name)
        first, last = np.searchsorted(self.labels, (label, label + 1))
        return int(first), int(last - first)

    def resolve(self, names: Sequence[str], what: str = "class") -> tuple[str, ...]:
        """Full class names for full names or abbreviations; `UserError` for others and repeats.

        Case matters only where names differ in nothing else.
        """
        exact = {**self.abbreviations, **{name: name for name in self.class_names}}
        full = []
        for name in names:
            close = {exact[known] for known in exact if known.casefold() == name.casefold()}
            if name not in exact and len(close) != 1:
                raise unknown(
                    f"{what} of {self.name}", name, [*self.class_names, *self.abbreviations]
                )
            full.append(exact[name] if name in exact else close.pop())
        repeated = sorted({name for name in full if full.count(name) > 1})
        if repeated:
            raise UserError(f"{what} {repeated[0]!r} is named twice; name each class once")
        return tuple(full)

    def indices(self, classes: Sequence[str]) -> npt.NDArray[np.int64]:
        """Indices of all images of `classes`, class by class."""
        ranges = [self.class_range(name) for name in classes]
        return np.concatenate([np.arange(first, first + count) for first, count in ranges])

    def subset(
        self, classes: Sequence[str], at: npt.NDArray[np.integer] | None = None
    ) -> LabelledImages:
        """The images of `classes` alone, labelled by their position in `classes`, in `class_range` order.

        at: indices of some of them, class by class; None: all.
        """
        at = self.indices(classes) if at is None else at
        position = {self.class_names.index(name): place for place, name in enumerate(classes)}
        return dataclasses.replace(
            self,
            images=self.images[at],
            labels=np.array(
                [position[label] for label in self.labels[at].tolist()], dtype=np.int64
            ),
            class_names=tuple(classes),
            files=tuple(self.files[i] for i in at),
            digest=digest(
                self.digest, list(classes), hashlib.sha256(at.astype("<i8").tobytes()).hexdigest()
            ),
            boxes=None if self.boxes is None else tuple(self.boxes[i] for i in at),
            abbreviations={
                short: full for short, full in self.abbreviations.items() if full in classes
            },
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
    """`LabelledImages` from images (M, C, H, W) in any order: grouped, later byte-identical copies dropped, digested.

    Raises `UserError` when a class is empty.
    """
    order = np.argsort(np.asarray(labels), kind="stable")
    seen: dict[bytes, int] = {}
    kept, dropped = [], []
    for at in order.tolist():
        pixels = hashlib.sha256(images[at].tobytes()).digest()
        earlier = seen.setdefault(pixels, at)
        if earlier == at:
            kept.append(at)
        else:
            dropped.append((files[at], files[earlier]))
    whole = len(kept) == len(images) and kept == list(range(len(images)))
    images = images if whole else images[kept]
    sorted_labels = np.asarray(labels, dtype=np.int64)[kept]
    missing = sorted(set(range(len(class_names))) - set(sorted_labels.tolist()))
    if missing:
        raise UserError(
            f"class {class_names[missing[0]]!r} of {name} has no image of its own; remove it or add images"
        )
    sha = hashlib.sha256(
        repr((images.shape, tuple(class_names), np.bincount(sorted_labels).tolist())).encode()
    )
    sha.update(np.ascontiguousarray(images).data)
    return LabelledImages(
        name=name,
        images=images,
        labels=sorted_labels,
        class_names=tuple(class_names),
        files=tuple(files[at] for at in kept),
        digest=sha.hexdigest(),
        dropped=tuple(dropped),
        boxes=None if boxes is None else tuple(boxes[at] for at in kept),
        notes=tuple(notes),
        abbreviations=abbreviations or {},
    )
