"""X-SDD: seven kinds of defect of hot-rolled steel strip, 1,360 grey images of 128 x 128 pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from fewshot_bench import (
    ALL_CLASSES,
    Classification,
    DataCard,
    DataSet,
    FewShot,
    FileTree,
    LabelledImages,
    Published,
    cached_images,
    check_counts,
    decode_image,
    given_tree,
    group_by_class,
    is_image,
    natural_order,
)

# class name, which is its folder, -> its number of images as distributed
CLASSES = {
    "finishing roll printing": 203,
    "iron sheet ash": 122,
    "oxide scale of plate system": 63,
    "oxide scale of temperature system": 203,
    "red iron": 397,
    "slag inclusion": 238,
    "surface scratch": 134,
}
ABBREVIATIONS = {
    "FRP": "finishing roll printing",
    "ISA": "iron sheet ash",
    "OSP": "oxide scale of plate system",
    "OST": "oxide scale of temperature system",
    "RI": "red iron",
    "SI": "slag inclusion",
    "SS": "surface scratch",
}
# both kinds of oxide scale are on one side
TEST = ("red iron", "slag inclusion", "surface scratch")
TRAIN = tuple(name for name in CLASSES if name not in TEST)
SIDE = 128  # pixels; two images are 122 and 130 wide

# system -> (accuracy, mean recall of the classes) that its paper prints, %
SYSTEMS = {
    "ResNet-50": (93.87, 89.41),
    "VGG-16": (92.65, 90.46),
    "RepVGG-B3g4": (91.67, 85.28),
    "SqueezeNet": (91.42, 83.21),
}
DIFFERS = (
    "Feng, Gao and Luo (2021): from random weights, 224 x 224 pixels, 100 epochs, one split into "
    "952 train and 408 test images"
)


def _published(accuracy: float, recall: float) -> tuple[Published, ...]:
    of_images = Published("xsdd-classify", "0.7", accuracy / 100, DIFFERS)
    of_classes = Published("xsdd-classify", "0.7", recall / 100, DIFFERS, ALL_CLASSES)
    return of_images, of_classes


class Xsdd(DataSet):
    """The X-SDD set, one folder a class, in a folder or a zip."""

    card = DataCard(
        title="X-SDD hot-rolled steel strip defects",
        source="Feng, Gao and Luo: X-SDD: a new benchmark for hot rolled steel strip surface "
        "defects detection (Symmetry 13, 706); Apache-2.0",
        year=2021,
        found_as=("X-SDD.zip", "X-SDD"),
        get_it="download X-SDD from its authors and name the folder or zip with --data",
        published={name: _published(*figures) for name, figures in SYSTEMS.items()},
    )
    protocols = (
        FewShot(name="xsdd-heldout", dataset="xsdd", train_classes=TRAIN, test_classes=TEST),
        Classification(name="xsdd-classify", dataset="xsdd", train_sizes=(0.7,)),
    )

    def load(self, path: Path | None) -> LabelledImages:
        """The 1,360 images without later byte-identical copies.

        Raises `UserError` if a class does not have its number of images.
        """
        with given_tree("xsdd", path, self.card.get_it) as tree:
            return cached_images(["xsdd", tree.content_digest()], lambda: _load(tree))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether most images are in folders of X-SDD's classes, about as many as it has of each.

        Its names are ordinary words of a rolling mill: a folder with some of them is not X-SDD.
        """
        images = list(filter(is_image, files))
        counts = Counter(map(_class_of, images))
        named = sum(counts[name] for name in CLASSES)
        has_all = all(2 * counts[name] >= size for name, size in CLASSES.items())
        return has_all and named > len(images) / 2


def _class_of(file: str) -> str:
    """The name of the folder that the file is in."""
    return PurePosixPath(file).parent.name


def _load(tree: FileTree) -> LabelledImages:
    images = sorted(filter(is_image, tree.files), key=natural_order)
    files = [file for file in images if _class_of(file) in CLASSES]
    check_counts(tree, "X-SDD", Counter(map(_class_of, files)), CLASSES)
    others = len(images) - len(files)
    notes = list(tree.notes)
    if others:
        notes.append(f"{others} images belong to none of X-SDD's classes and were left out")
    resized = 0
    pixels = np.empty((len(files), SIDE, SIDE), dtype=np.uint8)
    for index, file in enumerate(files):
        image = decode_image(tree, file)
        resized += image.size != (SIDE, SIDE)
        pixels[index] = _square(image)
    if resized:
        notes.append(f"{resized} images of another size were resized to {SIDE} x {SIDE} pixels")
    class_names = list(CLASSES)
    return group_by_class(
        "xsdd",
        pixels[:, None],  # one channel: the three of the files are equal
        [class_names.index(_class_of(file)) for file in files],
        class_names,
        files,
        notes=notes,
        abbreviations=ABBREVIATIONS,
    )


def _square(image: Image.Image) -> npt.NDArray[np.uint8]:
    """(SIDE, SIDE), grey."""
    grey = image.convert("L")
    if grey.size != (SIDE, SIDE):
        grey = grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(grey)
