"""KolektorSDD2: defective and clean surfaces of a product, 3,335 colour images of 230 x 630."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FileTree,
    LabelLayout,
    LabelledImages,
    PictureSettings,
    cached_images,
    check_counts,
    given_tree,
    is_image,
    layout_images,
    mask_boxes,
    refuse_incomplete,
)

CLEAN = "clean"
DEFECTIVE = "defective"
# class name -> its number of images as distributed
CLASSES = {CLEAN: 2_979, DEFECTIVE: 356}
FOLDERS = ("train", "test")
MASK = "_GT"  # ends the stem of the mask of an image
GROUPS = ((DEFECTIVE, (DEFECTIVE,)), (CLEAN, (CLEAN,)))


class Kolektor(DataSet):
    """KolektorSDD2: train and test with an image and its mask each, in a folder or a zip."""

    card = DataCard(
        title="KolektorSDD2 surface defects",
        source="Bozic, Tabernik and Skocaj: Mixed supervision for surface-defect detection: from "
        "weakly to fully supervised learning (Computers in Industry 129); CC BY-NC-SA 4.0",
        year=2021,
        found_as=("KolektorSDD2.zip", "KolektorSDD2"),
        get_it="download KolektorSDD2 from its authors and name the folder or zip with --data",
    )
    protocols = (
        Classification(
            name="kolektor-small", dataset="kolektor", train_sizes=(5, 20, 50), groups=GROUPS
        ),
        Classification(
            name="kolektor-classify", dataset="kolektor", train_sizes=(0.7,), groups=GROUPS
        ),
    )
    settings_type = PictureSettings
    settings: PictureSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The 3,335 images as squares, with boxes from their masks.

        Raises `UserError` if a mask is missing, or if a class does not have its number of images.
        """
        with given_tree("kolektor", path, self.card.get_it) as tree:
            key_parts = ["kolektor", self.settings.as_dict(), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether nearly all images are pairs in train and test, about as many as it has."""
        images = set(filter(is_image, files))
        pairs = [file for file in _pictures(sorted(images)) if _mask_of(file) in images]
        has_size = 2 * len(pairs) >= sum(CLASSES.values())
        return has_size and 2 * len(pairs) >= 0.9 * len(images)


def _pictures(images: Sequence[str]) -> list[str]:
    """Those of the images that are in train or test and no masks."""
    pictures = []
    for file in images:
        path = PurePosixPath(file)
        if path.parent.name in FOLDERS and not path.stem.endswith(MASK):
            pictures.append(file)
    return pictures


def _mask_of(file: str) -> str:
    path = PurePosixPath(file)
    return str(path.with_name(f"{path.stem}{MASK}{path.suffix}"))


def _load(tree: FileTree, settings: PictureSettings) -> LabelledImages:
    images = list(filter(is_image, tree.files))
    files = _pictures(images)
    masks = [_mask_of(file) for file in files]
    missing = sorted(set(masks) - set(images))
    refuse_incomplete(tree, "KolektorSDD2", [f"there is no {mask}" for mask in missing])
    boxes = mask_boxes(tree, masks)
    classes = tuple(DEFECTIVE if of_image else CLEAN for of_image in boxes)
    check_counts(tree, "KolektorSDD2", Counter(classes), CLASSES)
    notes = list(tree.notes)
    others = len(images) - len(files) - len(masks)
    if others:
        notes.append(f"{others} images are no pictures or masks in train or test and were left out")
    notes.append("the images of train and test are read together; protocols part them anew")
    return layout_images(
        tree,
        LabelLayout(tuple(files), classes, tuple(notes), boxes=boxes),
        "kolektor",
        side=settings.side,
        fit=settings.fit,
        class_names=list(CLASSES),
    )
