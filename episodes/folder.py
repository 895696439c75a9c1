"""Folder: a folder or archive of images with one folder a class."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench import (
    MULTI_LABEL,
    ClassLayout,
    DataCard,
    DataSet,
    FileTree,
    LabelledImages,
    PictureSettings,
    UserError,
    cached_images,
    class_layout,
    label_layout,
    layout_images,
    table_content,
)

VERSION = 3  # of what is read from the same files


@dataclass(frozen=True, kw_only=True)
class FolderSettings(PictureSettings):
    """side: images are resized to so many pixels a side.

    0 means: keep their size if all are squares of one size, else the median of their shorter sides,
    at most 256. class_level: the level of the folder that is the class, 1 being the first; 0: the
    level that varies. fit: how an image becomes a square. keep_masks: masks and annotations beside
    the pictures are read as pictures, and not left out. labels: a table with the label of each
    picture, in the place of folders; label_columns, multi_label: how it is read, see
    `label_layout`; class_names: names for classes, as `0=good,1=crack`.
    """

    side: int = 0
    class_level: int = 0
    keep_masks: bool = False
    labels: str = ""
    label_columns: str = ""
    multi_label: str = "error"
    class_names: str = ""

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        self.need_at_least("class_level", 0)
        self.need(self.multi_label in MULTI_LABEL, "multi_label", ", ".join(MULTI_LABEL))
        if self.labels:
            only_folders = "0 with --labels, where folders are no classes"
            self.need(self.class_level == 0, "class_level", only_folders)
            no_masks = "false with --labels, by which every picture with a row is read"
            self.need(not self.keep_masks, "keep_masks", no_masks)
        elif self.label_columns or self.multi_label != "error":
            raise UserError(
                "label_columns and multi_label are for a label table; name one with --labels FILE, "
                "or leave them out"
            )


class Folder(DataSet):
    """The class of an image is the name of a folder above it, or what a label table says."""

    card = DataCard(
        title="Your own images",
        source="one folder a class, or a label table, in a folder or a zip",
        year=2026,
        get_it="name the folder or archive with --data",
    )
    settings_type = FolderSettings
    settings: FolderSettings

    def load(self, path: Path | None) -> LabelledImages:
        """All images, as squares of one size; grey if every image is grey, else RGB.

        With a label table: those that it gives a label.
        """
        if path is None:
            raise UserError(f"folder needs its data: {self.card.get_it}")
        with FileTree(path) as tree:
            table = table_content(tree, self.settings.labels) if self.settings.labels else b""
            table_digest = hashlib.sha256(table).hexdigest()
            listed = [list(tree.empty_folders), list(tree.notes), table_digest]
            content = tree.content_digest()
            key_parts = ["folder", VERSION, self.settings.as_dict(), content, *listed]
            return cached_images(key_parts, lambda: _load(tree, self.settings, table))


def _load(tree: FileTree, settings: FolderSettings, table: bytes) -> LabelledImages:
    layout = _layout(tree, settings, table)
    side = settings.side
    return layout_images(tree, layout, "folder", side=side, fit=settings.fit)


def _layout(tree: FileTree, settings: FolderSettings, table: bytes) -> ClassLayout:
    if not settings.labels:
        return class_layout(
            tree,
            class_level=settings.class_level,
            keep_masks=settings.keep_masks,
            class_names=settings.class_names,
        )
    layout = label_layout(
        tree.files,
        table,
        Path(settings.labels).name,
        columns=settings.label_columns,
        class_names=settings.class_names,
        multi_label=settings.multi_label,
    )
    return dataclasses.replace(layout, notes=(*tree.notes, *layout.notes))
