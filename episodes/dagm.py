"""DAGM 2007: drawn defects on ten drawn textures, 16,100 grey images of 512 x 512 pixels."""

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
    refuse_incomplete,
)

# texture -> (its images, those of them with a defect) as distributed
TEXTURES = {
    **dict.fromkeys([f"Class{number}" for number in range(1, 7)], (1_150, 150)),
    **dict.fromkeys([f"Class{number}" for number in range(7, 11)], (2_300, 300)),
}
CLEAN = " clean"  # ends the name of a class without defects
# the textures that were for development, and those that were for the competition
TRAIN = tuple(name for name, (images, _) in TEXTURES.items() if images == 1_150)
TEST = tuple(name for name in TEXTURES if name not in TRAIN)
TABLE = "labels.txt"
PART = re.compile(r"(?:^|/)(?P<texture>Class[0-9]+)/(?P<part>Train|Test)/", re.IGNORECASE)
CELLS = 5  # of a line: index, 1 if defective, image, 0, mask or 0


@dataclass(frozen=True, kw_only=True)
class DagmSettings(PictureSettings):
    """clean: the images without a defect are read too, as a class of each texture."""

    clean: bool = False


class Dagm(DataSet):
    """DAGM 2007: ClassN/Train and Test with Label/Labels.txt, in a folder or a zip.

    The class of an image is its texture. Each texture has one kind of defect.
    """

    card = DataCard(
        title="DAGM 2007 textures",
        source="Wieler and Hahn: Weakly supervised learning for industrial optical inspection "
        "(DAGM symposium 2007)",
        year=2007,
        found_as=("DAGM2007.zip", "DAGM2007", "DAGM_KaggleUpload.zip", "DAGM_KaggleUpload"),
        get_it="download DAGM 2007 from the Heidelberg Collaboratory for Image Processing, unpack "
        "it and name the folder with --data",
    )
    protocols = (
        FewShot(
            name="dagm-heldout", dataset="dagm", train_classes=TRAIN, test_classes=TEST, ways=4
        ),
        Classification(name="dagm-classify", dataset="dagm", train_sizes=(0.5,)),
    )
    settings_type = DagmSettings
    settings: DagmSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The defective images of each texture, with `clean` all images, and their boxes.

        Raises `UserError` if a texture does not have its number of images and defects.
        """
        with given_tree("dagm", path, self.card.get_it) as tree:
            key_parts = ["dagm", self.settings.as_dict(), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings))

    def versioned_protocols(self) -> tuple[FewShot | Classification, ...]:
        """The protocols; with `clean` the held-out textures are tested with and without defects."""
        if not self.settings.clean:
            return self.protocols
        versioned: list[FewShot | Classification] = []
        for protocol in self.protocols:
            if isinstance(protocol, FewShot):
                versioned.append(_with_clean(protocol))
            else:
                versioned.append(protocol)
        return tuple(versioned)

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether there are its textures, about as many images of each, and a table."""
        images = [file for file in files if is_image(file) and not _is_label(file)]
        counts = Counter(map(_texture_of, images))
        has_all = all(2 * counts[name] >= size for name, (size, _) in TEXTURES.items())
        return has_all and any(_is_table(file) for file in files)


@dataclass(frozen=True)
class _Row:
    """What a table says of an image. mask: a file, or None."""

    file: str
    texture: str
    is_defective: bool
    mask: str | None

    @property
    def class_name(self) -> str:
        return self.texture if self.is_defective else f"{self.texture}{CLEAN}"


def _with_clean(protocol: FewShot) -> FewShot:
    train = [*TRAIN, *(f"{name}{CLEAN}" for name in TRAIN)]
    test = [*TEST, *(f"{name}{CLEAN}" for name in TEST)]
    return dataclasses.replace(
        protocol, train_classes=tuple(train), test_classes=tuple(test), ways=len(test)
    )


def _texture_of(file: str) -> str:
    """The texture by a folder above the file; empty if there is none."""
    match = PART.search(file)
    return match["texture"].capitalize() if match else ""


def _is_table(file: str) -> bool:
    return PurePosixPath(file).name.lower() == TABLE and bool(_texture_of(file))


def _is_label(file: str) -> bool:
    return PurePosixPath(file).parent.name.lower() == "label"


def _load(tree: FileTree, settings: DagmSettings) -> LabelledImages:
    rows = _rows(tree)
    _check(tree, rows)
    used = [row for row in rows if row.is_defective or settings.clean]
    named = {row.file for row in rows}
    notes = list(tree.notes)
    if len(used) < len(rows):
        notes.append(
            f"{len(rows) - len(used)} images without a defect are left out; --set dagm.clean=true "
            "reads them"
        )
    others = 0
    for file in tree.files:
        others += is_image(file) and not _is_label(file) and file not in named
    if others:
        notes.append(f"{others} images have no line in a table and were left out")
    notes.append("the images of Train and Test are read together; protocols part them anew")
    notes.append("these pictures are synthetic: its authors drew them with a computer")
    class_names = list(TEXTURES)
    if settings.clean:
        class_names += [f"{name}{CLEAN}" for name in TEXTURES]
    layout = LabelLayout(
        files=tuple(row.file for row in used),
        classes=tuple(row.class_name for row in used),
        notes=tuple(notes),
        boxes=mask_boxes(tree, [row.mask for row in used]),
    )
    return layout_images(
        tree, layout, "dagm", side=settings.side, fit=settings.fit, class_names=class_names
    )


def _rows(tree: FileTree) -> list[_Row]:
    """What the tables say of the images that are there. Names may differ in case."""
    files = {file.casefold(): file for file in tree.files}
    rows = []
    for table in filter(_is_table, tree.files):
        folder = PurePosixPath(table).parent
        for line in tree.read(table).decode(errors="replace").splitlines():
            cells = line.split()
            if len(cells) != CELLS:  # the first line, and empty ones
                continue
            _, defective, image, _, mask = cells
            file = files.get(str(folder.parent / image).casefold())
            mask_file = files.get(str(folder / mask).casefold())
            if file is not None:
                rows.append(_Row(file, _texture_of(table), defective == "1", mask_file))
    return rows


def _check(tree: FileTree, rows: Sequence[_Row]) -> None:
    """Raise `UserError` if a texture lacks images, defects, or masks of defects."""
    images = Counter(row.texture for row in rows)
    defective = Counter(row.texture for row in rows if row.is_defective)
    counts = {}
    expected = {}
    for name, (size, with_defect) in TEXTURES.items():
        counts[name] = images[name]
        expected[name] = size
        counts[f"{name} with a defect"] = defective[name]
        expected[f"{name} with a defect"] = with_defect
    check_counts(tree, "DAGM 2007", counts, expected)
    without = [row.file for row in rows if row.is_defective and row.mask is None]
    refuse_incomplete(tree, "DAGM 2007", [f"{file} has no mask" for file in without])
