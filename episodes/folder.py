"""Folder: a folder or zip of images with one folder a class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fewshot_bench import (
    FITS,
    DataCard,
    DataSet,
    FileTree,
    LabelledImages,
    Settings,
    UserError,
    cached_images,
    class_layout,
    group_by_class,
    read_images,
)

VERSION = 3  # of what is read from the same files


@dataclass(frozen=True, kw_only=True)
class FolderSettings(Settings):
    """side: images are resized to so many pixels a side.

    0 means: keep their size if all are squares of one size, else the median of their shorter sides,
    at most 256. class_level: the level of the folder that is the class, 1 being the first; 0: the
    level that varies. fit: how an image becomes a square. keep_masks: masks and annotations beside
    the pictures are read as pictures, and not left out.
    """

    side: int = 0
    class_level: int = 0
    fit: str = "squash"
    keep_masks: bool = False

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        keeps_size = self.side == 0
        self.need(keeps_size or self.side >= 8, "side", "0, or 8 or more pixels")
        self.need_at_least("class_level", 0)
        self.need(self.fit in FITS, "fit", ", ".join(FITS))


class Folder(DataSet):
    """The class of an image is the name of a folder above it, on the level that varies."""

    card = DataCard(
        title="Your own images",
        source="one folder a class, in a folder or a zip",
        year=2026,
        get_it="name the folder or zip with --data",
    )
    settings_type = FolderSettings
    settings: FolderSettings

    def load(self, path: Path | None) -> LabelledImages:
        """All images, as squares of one size; grey if every image is grey, else RGB."""
        if path is None:
            raise UserError(f"folder needs its data: {self.card.get_it}")
        with FileTree(path) as tree:
            listed = [list(tree.empty_folders), list(tree.notes)]
            content = tree.content_digest()
            key_parts = ["folder", VERSION, self.settings.as_dict(), content, *listed]
            return cached_images(key_parts, lambda: _load(tree, self.settings))


def _load(tree: FileTree, settings: FolderSettings) -> LabelledImages:
    layout = class_layout(tree, class_level=settings.class_level, keep_masks=settings.keep_masks)
    read = read_images(tree, layout.files, side=settings.side, fit=settings.fit)
    return group_by_class(
        "folder",
        read.images,
        layout.labels,
        layout.class_names,
        layout.files,
        notes=[*layout.notes, *read.notes],
    )
