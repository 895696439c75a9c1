"""NEU: six kinds of defect of hot-rolled steel strip, 300 grey pictures of 200 x 200 pixels each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.cache import cached
from fewshot_bench.data.images import decode, is_image
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.data.tree import Tree, natural
from fewshot_bench.dataset import DataCard, DataSet
from fewshot_bench.errors import UserError
from fewshot_bench.protocols.protocol import Classification, FewShot
from fewshot_bench.published import Published

CLASSES = {
    "Crazing": "Cr",
    "Inclusion": "In",
    "Patches": "Pa",
    "Pitted_Surface": "PS",
    "Rolled-in_Scale": "RS",
    "Scratches": "Sc",
}
ABBREVIATIONS = {short: name for name, short in CLASSES.items()}
TRAIN, TEST = (
    ("Patches", "Inclusion", "Rolled-in_Scale"),
    ("Crazing", "Scratches", "Pitted_Surface"),
)
IMAGES_A_CLASS = 300
SIDE = 200  # pixels

_SPELLINGS = {
    re.sub("[^a-z]", "", word.casefold()): name
    for name, short in CLASSES.items()
    for word in (name, short)
}
_SPELLINGS |= {"rolled": "Rolled-in_Scale", "pitted": "Pitted_Surface"}


class Neu(DataSet):
    """The NEU surface defect database: NEU-CLS, NEU-DET with its boxes, or one folder a class."""

    card = DataCard(
        title="NEU surface defect database",
        source="Song and Yan: A noise robust method based on completed local binary patterns for hot-rolled steel strip "
        "surface defects (Applied Surface Science)",
        year=2013,
        found_as=("NEU-CLS.zip", "NEU-CLS", "NEU-DET.zip", "NEU-DET"),
        get_it="download NEU-CLS or NEU-DET from its authors and name the folder or zip with --data",
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
        """The 1,800 images without later byte-identical copies; `UserError` where they are not 6 x 300 of 200 x 200."""
        if path is None:
            raise UserError(
                f"neu needs its data: {self.card.get_it}, or put it into the folder $FEWSHOT_BENCH_DATA"
            )
        with Tree(path) as tree:
            return cached(["neu", tree.content()], lambda: _load(tree))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether most images carry the name of one of NEU's classes."""
        images = [file for file in files if is_image(file)]
        return sum(_class_of(file) is not None for file in images) > len(images) / 2


def _class_of(file: str) -> str | None:
    """By the file's name (`Cr_1`, `crazing_1`), else by the folder it lies in."""
    path = PurePosixPath(file)
    words = [re.sub(r"[_\- ]*[0-9]+$", "", path.stem), path.parent.name]
    return next(
        (
            _SPELLINGS[key]
            for word in words
            if (key := re.sub("[^a-z]", "", word.casefold())) in _SPELLINGS
        ),
        None,
    )


def _load(tree: Tree) -> LabelledImages:
    images = sorted(
        filter(is_image, tree.files), key=lambda file: natural(PurePosixPath(file).stem)
    )
    named = {file: name for file in images if (name := _class_of(file)) is not None}
    counts = Counter(named.values())
    wrong = [f"{name} has {counts[name]}" for name in CLASSES if counts[name] != IMAGES_A_CLASS]
    if wrong:
        raise UserError(
            f"{tree.path} is not the whole NEU set: {', '.join(wrong)} images (expected {IMAGES_A_CLASS} of each of "
            f"{', '.join(CLASSES)}); name one complete copy of NEU-CLS or NEU-DET with --data"
        )
    pixels = np.stack([_pixels(tree, file) for file in named])[:, None]
    others = len(images) - len(named)
    return group_by_class(
        "neu",
        pixels,
        [list(CLASSES).index(name) for name in named.values()],
        list(CLASSES),
        list(named),
        boxes=_boxes(tree, list(named)),
        notes=[f"{others} images belong to none of NEU's classes and were left out"]
        if others
        else [],
        abbreviations=ABBREVIATIONS,
    )


def _pixels(tree: Tree, file: str) -> npt.NDArray[np.uint8]:
    image = decode(tree, file).convert("L")
    if image.size != (SIDE, SIDE):
        raise UserError(
            f"{tree.path}: {file} has {image.width} x {image.height} pixels (expected {SIDE} x {SIDE})"
        )
    return np.asarray(image)


def _boxes(tree: Tree, images: Sequence[str]) -> tuple[npt.NDArray[np.int64], ...] | None:
    """Of each image the boxes of the annotation of the same stem, or None where there are no annotations."""
    annotations = {
        PurePosixPath(file).stem: file for file in tree.files if file.lower().endswith(".xml")
    }
    if not annotations:
        return None
    missing = [file for file in images if PurePosixPath(file).stem not in annotations]
    if missing:
        raise UserError(
            f"{tree.path}: {missing[0]} has no annotation, though others have; complete ANNOTATIONS"
        )
    return tuple(_read_boxes(tree, annotations[PurePosixPath(file).stem]) for file in images)


def _read_boxes(tree: Tree, file: str) -> npt.NDArray[np.int64]:
    """(n, 4): xmin, ymin, xmax, ymax in pixels, from a Pascal VOC annotation."""
    try:
        found = ElementTree.fromstring(tree.read(file)).findall("object/bndbox")
        rows = [
            [int(box.findtext(side) or "") for side in ("xmin", "ymin", "xmax", "ymax")]
            for box in found
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(
            f"{tree.path}: {file} is not a Pascal VOC annotation ({error}); replace it"
        ) from None
    return np.array(rows, dtype=np.int64).reshape(-1, 4)
