"""GC10-DET: ten kinds of defect of steel sheets, about 2,300 grey images of 2048 x 1000 pixels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fewshot_bench import (
    AnnotatedBox,
    Classification,
    DataCard,
    DataSet,
    FewShot,
    FileTree,
    LabelLayout,
    LabelledImages,
    PictureSettings,
    annotated_boxes,
    cached_images,
    check_counts,
    given_tree,
    is_image,
    layout_images,
)

# folder, which is also the number that the names of objects begin with -> class
CLASSES = {
    "1": "punching_hole",
    "2": "welding_line",
    "3": "crescent_gap",
    "4": "water_spot",
    "5": "oil_spot",
    "6": "silk_spot",
    "7": "inclusion",
    "8": "rolled_pit",
    "9": "crease",
    "10": "waist_folding",
}
# copies differ: the number of images in all folders together, and of one
IMAGES = range(2_200, 2_401)
OF_A_CLASS = range(10, 1_001)
# the three kinds of stains are on one side
TEST = ("crescent_gap", "inclusion", "waist_folding")
TRAIN = tuple(name for name in CLASSES.values() if name not in TEST)
ANNOTATIONS = "lable"  # sic
LEAST_RECOGNISED = 1_000  # images


class Gc10(DataSet):
    """GC10-DET: folders 1 to 10 with images, and one of annotations, in a folder or archive."""

    card = DataCard(
        title="GC10-DET steel sheet defects",
        source="Lv, Duan, Jiang, Fu and Gan: Deep metallic surface defect detection: the new "
        "benchmark and detection network (Sensors 20, 1562)",
        year=2020,
        found_as=("GC10-DET.zip", "GC10-DET"),
        get_it="download GC10-DET from its authors and name the folder or archive with --data",
    )
    protocols = (
        FewShot(
            name="gc10-heldout",
            dataset="gc10",
            train_classes=TRAIN,
            test_classes=TEST,
        ),
        Classification(name="gc10-classify", dataset="gc10", train_sizes=(0.7,)),
    )
    settings_type = PictureSettings
    settings: PictureSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The images as squares, with the boxes of their class.

        Raises `UserError` if a class is missing, or if there are not about 2,300 images.
        """
        with given_tree("gc10", path, self.card.get_it) as tree:
            key_parts = ["gc10", self.settings.as_dict(), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether there are its ten folders with many images, and its annotations."""
        images = [file for file in files if is_image(file) and _class_of(file)]
        has_classes = {_class_of(file) for file in images} == set(CLASSES.values())
        has_boxes = any(PurePosixPath(file).parent.name == ANNOTATIONS for file in files)
        return has_classes and has_boxes and len(images) >= LEAST_RECOGNISED


def _class_of(file: str) -> str:
    """The class by the folder that the file is in; empty if that is none."""
    return CLASSES.get(PurePosixPath(file).parent.name, "")


def _load(tree: FileTree, settings: PictureSettings) -> LabelledImages:
    images = list(filter(is_image, tree.files))
    files = [file for file in images if _class_of(file)]
    counts = Counter(map(_class_of, files))
    expected: dict[str, int | range] = dict.fromkeys(CLASSES.values(), OF_A_CLASS)
    check_counts(tree, "GC10-DET", counts, expected)
    check_counts(tree, "GC10-DET", {"it": len(files)}, {"it": IMAGES})
    notes = list(tree.notes)
    others = len(images) - len(files)
    if others:
        notes.append(f"{others} images are in none of the folders 1 to 10 and were left out")
    notes += _repeated_notes(files)
    layout = LabelLayout(tuple(files), tuple(map(_class_of, files)), tuple(notes))
    found = annotated_boxes(tree, files)
    if found is not None:
        layout = _with_boxes(layout, *found)
    return layout_images(
        tree,
        layout,
        "gc10",
        side=settings.side,
        fit=settings.fit,
        class_names=list(CLASSES.values()),
    )


def _repeated_notes(files: Sequence[str]) -> list[str]:
    counts = Counter(PurePosixPath(file).name for file in files)
    repeated = sum(count > 1 for count in counts.values())
    if not repeated:
        return []
    return [
        f"{repeated} names of images are in several folders, for defects of several classes; where "
        "the pixels are the same, all of them are left out"
    ]


def _with_boxes(
    layout: LabelLayout, found: Sequence[Sequence[AnnotatedBox]], notes: Sequence[str]
) -> LabelLayout:
    """The layout with the boxes of each image that show its class."""
    boxes = []
    others = 0
    for class_name, of_image in zip(layout.classes, found, strict=True):
        own = [annotated.box for annotated in of_image if _shows(annotated, class_name)]
        others += len(of_image) - len(own)
        boxes.append(tuple(own))
    all_notes = [*layout.notes, *notes]
    if others:
        all_notes.append(f"{others} boxes show another class than that of their image: left out")
    return LabelLayout(layout.files, layout.classes, tuple(all_notes), boxes=tuple(boxes))


def _shows(annotated: AnnotatedBox, class_name: str) -> bool:
    """Whether a box is of this class by the number that its name begins with, or has no number."""
    number = re.match("[0-9]+", annotated.name)
    return number is None or CLASSES.get(number[0]) == class_name
