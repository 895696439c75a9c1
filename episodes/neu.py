"""NEU: six kinds of defect of hot-rolled steel strip, 300 grey images of 200 x 200 pixels each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FewShot,
    FileTree,
    LabelledImages,
    Pairs,
    UserError,
    annotated_boxes,
    cached_images,
    check_counts,
    decode_image,
    given_tree,
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
# images of each class of a set that is taken for NEU, which may be damaged or doubled
FEWEST_A_CLASS = 150
MOST_A_CLASS = 600
LEAST_NAMED = 0.9  # share of the images
# what annotation tools add to a name
ADDED = re.compile(r"^[0-9a-f]{8}-|[._](?:jpe?g|png|bmp)\.rf\.[0-9a-zA-Z]+$")


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
    )
    protocols = (
        FewShot(name="neu-heldout", dataset="neu", train_classes=TRAIN, test_classes=TEST),
        Classification(name="neu-classify", dataset="neu", train_sizes=(0.8, 0.7, 0.6)),
        Pairs(name="neu-pairs", dataset="neu", train_classes=TRAIN, test_classes=TEST),
        Classification(name="neu-small", dataset="neu", train_sizes=(10, 20, 50)),
    )

    def load(self, path: Path | None) -> LabelledImages:
        """The 1,800 images without later byte-identical copies.

        Raises `UserError` if there are not 300 images of 200 x 200 pixels of each class.
        """
        with given_tree("neu", path, self.card.get_it) as tree:
            return cached_images(["neu", tree.content_digest()], lambda: _load(tree))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether nearly all images are named after NEU's six classes, as many as NEU has.

        Own pictures may be named after some of them: their counts tell them apart.
        """
        images = list(filter(is_image, files))
        counts = Counter(map(_class_of, images))
        named = len(images) - counts[None]
        is_full = all(FEWEST_A_CLASS <= counts[name] <= MOST_A_CLASS for name in CLASSES)
        return is_full and named >= LEAST_NAMED * len(images)


def _load(tree: FileTree) -> LabelledImages:
    class_of_file = {}
    others = 0
    for file in sorted(filter(is_image, tree.files), key=_stem_order):
        class_name = _class_of(file)
        if class_name is None:
            others += 1
        else:
            class_of_file[file] = class_name
    counts = Counter(class_of_file.values())
    check_counts(tree, "NEU", counts, dict.fromkeys(CLASSES, IMAGES_A_CLASS))
    files = list(class_of_file)
    class_names = list(CLASSES)
    pixels = np.stack([_pixels(tree, file) for file in files])
    notes = list(tree.notes)
    if others:
        notes.append(f"{others} images belong to none of NEU's classes and were left out")
    boxes = _boxes(tree, files, notes)
    return group_by_class(
        "neu",
        pixels[:, None],  # one channel
        [class_names.index(name) for name in class_of_file.values()],
        class_names,
        files,
        boxes=boxes,
        notes=notes,
        abbreviations=ABBREVIATIONS,
    )


def _stem_order(file: str) -> list[tuple[int, str]]:
    """A sort key: the name without folders and suffix, 2 before 10."""
    return natural_order(_stem(file))


def _stem(file: str) -> str:
    """The name that NEU gave the file, without folders and suffix.

    Annotation tools export `crazing_1.jpg` as `crazing_1_jpg.rf.HASH.jpg` (Roboflow) or
    `HASH-crazing_1.jpg` (Label Studio).
    """
    return ADDED.sub("", PurePosixPath(file).stem)


def _class_of(file: str) -> str | None:
    """The class by the file's name (`Cr_1`, `crazing_1`), else by its folder, else None."""
    without_number = re.sub(r"[_\- ]*[0-9]+$", "", _stem(file))
    for text in (without_number, PurePosixPath(file).parent.name):
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


def _pixels(tree: FileTree, file: str) -> npt.NDArray[np.uint8]:
    """(200, 200), grey."""
    image = decode_image(tree, file).convert("L")
    if image.size != (SIDE, SIDE):
        raise UserError(
            f"{tree.path}: {file} has {image.width} x {image.height} pixels "
            f"(expected {SIDE} x {SIDE})"
        )
    return np.asarray(image)


def _boxes(tree: FileTree, images: Sequence[str], notes: list[str]) -> tuple[Boxes, ...] | None:
    """The boxes of each image, (n, 4) in pixels, or None without annotations.

    notes: gets what was wrong.
    """
    found = annotated_boxes(tree, images, _stem)
    if found is None:
        return None
    boxes_of_images, box_notes = found
    notes += box_notes
    boxes = []
    for of_image in boxes_of_images:
        corners = np.array([annotated.box for annotated in of_image]).reshape(-1, 4)
        boxes.append(np.rint(corners).astype(np.int64))
    return tuple(boxes)
