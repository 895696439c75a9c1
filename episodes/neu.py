"""NEU: six kinds of defect of hot-rolled steel strip, 300 grey images of 200 x 200 pixels each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FewShot,
    FileTree,
    LabelledImages,
    Published,
    UserError,
    cached_images,
    decode_image,
    group_by_class,
    is_image,
    natural_order,
)

Boxes = npt.NDArray[np.int64]

# class name -> its abbreviation in the names of the files
CLASSES = {
    "Crazing": "Cr",
    "Inclusion": "In",
    "Patches": "Pa",
    "Pitted_Surface": "PS",
    "Rolled-in_Scale": "RS",
    "Scratches": "Sc",
}
ABBREVIATIONS = {short: name for name, short in CLASSES.items()}
TRAIN = ("Patches", "Inclusion", "Rolled-in_Scale")
TEST = ("Crazing", "Scratches", "Pitted_Surface")
IMAGES_A_CLASS = 300
SIDE = 200  # pixels

BOX_SIDES = ("xmin", "ymin", "xmax", "ymax")  # elements of a Pascal VOC annotation


class Neu(DataSet):
    """The NEU surface defect database: NEU-CLS, NEU-DET with its boxes, or one folder a class."""

    card = DataCard(
        title="NEU surface defect database",
        source="Song and Yan: A noise robust method based on completed local binary patterns for "
        "hot-rolled steel strip surface defects (Applied Surface Science)",
        year=2013,
        found_as=("NEU-CLS.zip", "NEU-CLS", "NEU-DET.zip", "NEU-DET"),
        get_it="download NEU-CLS or NEU-DET from its authors and name the folder or zip with "
        "--data",
        published={
            "CASI-Net": Published.table(
                "neu-classify", "cited as [26] in Table II of Phuong et al. (2024)", {"0.7": 0.9598}
            ),
            "SSL, GAN and ResNet-18": Published.table(
                "neu-classify", "cited as [15] in Table II of Phuong et al. (2024)", {"0.6": 0.9956}
            ),
        },
    )
    protocols = (
        FewShot(name="neu-heldout", dataset="neu", train_classes=TRAIN, test_classes=TEST),
        Classification(name="neu-classify", dataset="neu", train_sizes=(0.8, 0.7, 0.6)),
        Classification(name="neu-small", dataset="neu", train_sizes=(10, 20, 50)),
    )

    def load(self, path: Path | None) -> LabelledImages:
        """The 1,800 images without later byte-identical copies.

        Raises `UserError` if there are not 300 images of 200 x 200 pixels of each class.
        """
        if path is None:
            raise UserError(
                f"neu needs its data: {self.card.get_it}, or put it into the folder "
                "$FEWSHOT_BENCH_DATA"
            )
        with FileTree(path) as tree:
            return cached_images(["neu", tree.content_digest()], lambda: _load(tree))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether most images have the name of one of NEU's classes."""
        images = list(filter(is_image, files))
        named = list(filter(_class_of, images))
        return len(named) > len(images) / 2


def _load(tree: FileTree) -> LabelledImages:
    class_of_file = {}
    others = 0
    for file in sorted(filter(is_image, tree.files), key=_stem_order):
        class_name = _class_of(file)
        if class_name is None:
            others += 1
        else:
            class_of_file[file] = class_name
    _check_counts(tree, class_of_file.values())
    files = list(class_of_file)
    class_names = list(CLASSES)
    pixels = np.stack([_pixels(tree, file) for file in files])
    notes = list(tree.notes)
    if others:
        notes.append(f"{others} images belong to none of NEU's classes and were left out")
    return group_by_class(
        "neu",
        pixels[:, None],  # one channel
        [class_names.index(name) for name in class_of_file.values()],
        class_names,
        files,
        boxes=_boxes(tree, files),
        notes=notes,
        abbreviations=ABBREVIATIONS,
    )


def _stem_order(file: str) -> list[tuple[int, str]]:
    """A sort key: the name without folders and suffix, 2 before 10."""
    return natural_order(PurePosixPath(file).stem)


def _class_of(file: str) -> str | None:
    """The class by the file's name (`Cr_1`, `crazing_1`), else by its folder, else None."""
    path = PurePosixPath(file)
    without_number = re.sub(r"[_\- ]*[0-9]+$", "", path.stem)
    for text in (without_number, path.parent.name):
        spelling = _letters(text)
        if spelling in _SPELLINGS:
            return _SPELLINGS[spelling]
    return None


def _letters(text: str) -> str:
    """Only the letters, in lower case."""
    return re.sub("[^a-z]", "", text.casefold())


def _spellings() -> dict[str, str]:
    """Letters of the names and abbreviations that occur in copies of NEU -> class name."""
    spellings = {"rolled": "Rolled-in_Scale", "pitted": "Pitted_Surface"}
    for name, short in CLASSES.items():
        spellings[_letters(name)] = name
        spellings[_letters(short)] = name
    return spellings


_SPELLINGS = _spellings()


def _check_counts(tree: FileTree, class_of_each: Iterable[str]) -> None:
    """Raise `UserError` if a class does not have 300 images."""
    counts = Counter(class_of_each)
    wrong = []
    for name in CLASSES:
        if counts[name] != IMAGES_A_CLASS:
            wrong.append(f"{name} has {counts[name]}")
    if wrong:
        raise UserError(
            f"{tree.path} is not the whole NEU set: {', '.join(wrong)} images (expected "
            f"{IMAGES_A_CLASS} of each of {', '.join(CLASSES)}); name one complete copy of NEU-CLS "
            "or NEU-DET with --data"
        )


def _pixels(tree: FileTree, file: str) -> npt.NDArray[np.uint8]:
    """(200, 200), grey."""
    image = decode_image(tree, file).convert("L")
    if image.size != (SIDE, SIDE):
        raise UserError(
            f"{tree.path}: {file} has {image.width} x {image.height} pixels "
            f"(expected {SIDE} x {SIDE})"
        )
    return np.asarray(image)


def _boxes(tree: FileTree, images: Sequence[str]) -> tuple[Boxes, ...] | None:
    """The boxes of each image, from the annotation with its stem, or None without annotations."""
    annotations = {}
    for file in tree.files:
        if file.lower().endswith(".xml"):
            annotations[PurePosixPath(file).stem] = file
    if not annotations:
        return None
    boxes = []
    for image in images:
        stem = PurePosixPath(image).stem
        if stem not in annotations:
            raise UserError(
                f"{tree.path}: {image} has no annotation, though others have; complete ANNOTATIONS"
            )
        boxes.append(_read_boxes(tree, annotations[stem]))
    return tuple(boxes)


def _read_boxes(tree: FileTree, file: str) -> Boxes:
    """(n, 4): xmin, ymin, xmax, ymax in pixels, from a Pascal VOC annotation."""
    content = tree.read(file)
    rows = []
    try:
        for box in ElementTree.fromstring(content).findall("object/bndbox"):
            # an element that is missing reads as "", which is no number
            row = [int(box.findtext(side) or "") for side in BOX_SIDES]
            rows.append(row)
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(
            f"{tree.path}: {file} is not a Pascal VOC annotation ({error}); replace it"
        ) from None
    return np.array(rows, dtype=np.int64).reshape(-1, 4)
