"""Magnetic tile: tiles of motors, five kinds of defect and none, 1,344 grey images of any size."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fewshot_bench import (
    Classification,
    DataCard,
    DataSet,
    FewShot,
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
)

# class name -> its number of images as distributed; its folder is MT_<name>
CLASSES = {"Free": 952, "Blowhole": 115, "Uneven": 103, "Break": 85, "Crack": 57, "Fray": 32}
PREFIX = "MT_"
TRAIN = ("Free", "Blowhole", "Uneven")
TEST = ("Break", "Crack", "Fray")
PICTURES = (".jpg", ".jpeg")
MASKS = ".png"
# exp3_num_4727: the exposure and the number of the tile
NAME = re.compile(r"exp[0-9]+_num_(?P<tile>[0-9]+)")


@dataclass(frozen=True, kw_only=True)
class MagneticTileSettings(PictureSettings):
    """tile_groups: images of a class with one number are a group, which shows one tile."""

    tile_groups: bool = True


class MagneticTile(DataSet):
    """The magnetic tile defect set: MT_<class>/Imgs, in a folder or a zip."""

    card = DataCard(
        title="Magnetic tile defects",
        source="Huang, Qiu and Yuan: Surface defect saliency of magnetic tile (The Visual "
        "Computer 36); no licence stated",
        year=2020,
        found_as=(
            "Magnetic-tile-defect-datasets.-master.zip",
            "Magnetic-tile-defect-datasets.-master",
            "Magnetic-tile-defect-datasets.",
        ),
        get_it="copy the repository Magnetic-tile-defect-datasets. of its authors and name the "
        "folder or zip with --data",
    )
    protocols = (
        FewShot(
            name="magnetic-tile-heldout",
            dataset="magnetic-tile",
            train_classes=TRAIN,
            test_classes=TEST,
            queries=None,  # Fray has 32 images
        ),
        Classification(name="magnetic-tile-classify", dataset="magnetic-tile", train_sizes=(0.7,)),
    )
    settings_type = MagneticTileSettings
    settings: MagneticTileSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The 1,344 tiles as squares, with boxes from their masks.

        Raises `UserError` if a class does not have its number of images.
        """
        with given_tree("magnetic-tile", path, self.card.get_it) as tree:
            key_parts = ["magnetic-tile", self.settings.as_dict(), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether most images are in its folders, about as many as it has in each."""
        images = list(filter(is_image, files))
        of_classes = [file for file in images if _class_of(file)]
        counts = Counter(_class_of(file) for file in of_classes if _is_picture(file))
        has_all = all(2 * counts[name] >= size for name, size in CLASSES.items())
        return has_all and len(of_classes) > len(images) / 2


def _class_of(file: str) -> str:
    """The class by a folder above the file; empty if there is none."""
    for folder in PurePosixPath(file).parts[:-1]:
        name = folder.removeprefix(PREFIX)
        if folder.startswith(PREFIX) and name in CLASSES:
            return name
    return ""


def _is_picture(file: str) -> bool:
    return file.lower().endswith(PICTURES)


def _load(tree: FileTree, settings: MagneticTileSettings) -> LabelledImages:
    layout = _layout(tree)
    if settings.tile_groups:
        layout = _grouped(layout)
    return layout_images(
        tree,
        layout,
        "magnetic-tile",
        side=settings.side,
        fit=settings.fit,
        class_names=list(CLASSES),
    )


def _layout(tree: FileTree) -> LabelLayout:
    images = list(filter(is_image, tree.files))
    files = [file for file in images if _class_of(file) and _is_picture(file)]
    classes = tuple(map(_class_of, files))
    check_counts(tree, "magnetic tile", Counter(classes), CLASSES)
    mask_of = {}
    for file in images:
        if file.lower().endswith(MASKS):
            mask_of[str(PurePosixPath(file).with_suffix(""))] = file
    masks = [mask_of.get(str(PurePosixPath(file).with_suffix(""))) for file in files]
    read = {*files, *masks}
    others = [file for file in images if file not in read]
    notes = list(tree.notes)
    without = masks.count(None)
    if without:
        notes.append(f"{without} images have no mask, and so no boxes")
    if others:
        notes.append(f"{len(others)} images belong to no tile of a class and were left out")
    return LabelLayout(tuple(files), classes, tuple(notes), boxes=mask_boxes(tree, masks))


def _grouped(layout: LabelLayout) -> LabelLayout:
    """The layout with its groups: the tiles, by the numbers in the names of the files."""
    groups = []
    for file, name in zip(layout.files, layout.classes, strict=True):
        match = NAME.search(PurePosixPath(file).stem)
        groups.append(f"{name} {match['tile']}" if match else file)
    tiles = len(set(groups))
    if tiles == len(groups):
        note = "no two images of a class have one number: each shows a tile of its own"
        return dataclasses.replace(layout, notes=(*layout.notes, note))
    note = (
        f"{len(groups)} images show {tiles} tiles, by the numbers in their names; "
        "--set magnetic-tile.tile_groups=false does not keep them apart"
    )
    return dataclasses.replace(
        layout,
        notes=(*layout.notes, note),
        groups=tuple(groups),
        group_by="class and number of the tile",
    )
