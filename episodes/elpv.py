"""ELPV: solar cells in electroluminescence, how probably defective, 2,624 grey 300 x 300 images."""

from __future__ import annotations

import importlib.util
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
    refuse_incomplete,
)

# class name, cell type and probability of a defect -> its number of images as distributed
CLASSES = {
    "mono 0": 588,
    "mono 0.33": 117,
    "mono 0.67": 56,
    "mono 1": 313,
    "poly 0": 920,
    "poly 0.33": 178,
    "poly 0.67": 50,
    "poly 1": 402,
}
TRAIN = tuple(name for name in CLASSES if name.startswith("poly"))
TEST = tuple(name for name in CLASSES if name.startswith("mono"))
PROBABILITIES = {0: "0", 33: "0.33", 67: "0.67", 100: "1"}  # by per cent
TABLE = "labels.csv"
PACKAGE = "elpv_dataset"


@dataclass(frozen=True, kw_only=True)
class ElpvSettings(PictureSettings):
    """side: 0 keeps the 300 pixels of the images."""

    side: int = 0


class Elpv(DataSet):
    """The ELPV set, from its package if that is installed, or from a copy of its repository."""

    card = DataCard(
        title="ELPV solar cells",
        source="Deitsch et al.: Automatic classification of defective photovoltaic module cells in "
        "electroluminescence images (Solar Energy 185); images CC BY-NC-SA 4.0",
        year=2019,
        needs_path=False,  # the package is read, if it is installed
        found_as=(
            "elpv-dataset-master.zip",
            "elpv-dataset.zip",
            "elpv-dataset-master",
            "elpv-dataset",
        ),
        get_it="install fewshot-bench[elpv], or name a copy of the repository elpv-dataset with "
        "--data",
    )
    protocols = (
        FewShot(
            name="elpv-heldout", dataset="elpv", train_classes=TRAIN, test_classes=TEST, ways=4
        ),
        Classification(name="elpv-classify", dataset="elpv", train_sizes=(0.75,)),
    )
    settings_type = ElpvSettings
    settings: ElpvSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The 2,624 images; without a path, those of the package `elpv-dataset`.

        Raises `UserError` if a class does not have its number of images.
        """
        with given_tree("elpv", path or _package_data(), self.card.get_it) as tree:
            key_parts = ["elpv", self.settings.as_dict(), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings))

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether there is the table, and beside it most of its images, named as it names them."""
        images = [file for file in files if is_image(file) and "images/cell" in f"/{file}"]
        has_table = any(PurePosixPath(file).name == TABLE for file in files)
        return has_table and 2 * len(images) >= sum(CLASSES.values())


def _package_data() -> Path | None:
    """The folder with the images in the installed package, or None."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data"


def _load(tree: FileTree, settings: ElpvSettings) -> LabelledImages:
    class_of = _labels(tree)
    files = [file for file in tree.files if file in class_of]
    classes = tuple(class_of[file] for file in files)
    check_counts(tree, "ELPV", Counter(classes), CLASSES)
    notes = list(tree.notes)
    others = sum(is_image(file) and file not in class_of for file in tree.files)
    if others:
        notes.append(f"{others} images have no row in {TABLE} and were left out")
    notes.append("cells of one solar module are not told apart: the set does not name the modules")
    layout = LabelLayout(tuple(files), classes, tuple(notes))
    return layout_images(
        tree,
        layout,
        "elpv",
        side=settings.side,
        fit=settings.fit,
        class_names=list(CLASSES),
    )


def _labels(tree: FileTree) -> dict[str, str]:
    """Image -> class, from the table: lines of a path, a probability and mono or poly.

    Raises `UserError` if there is not one table, or for a line that says something else.
    """
    tables = [file for file in tree.files if PurePosixPath(file).name == TABLE]
    if len(tables) != 1:
        refuse_incomplete(tree, "ELPV", [f"it has {len(tables)} files {TABLE} (expected 1)"])
    table = PurePosixPath(tables[0])
    class_of = {}
    wrong = []
    for number, line in enumerate(
        tree.read(tables[0]).decode(errors="replace").splitlines(), start=1
    ):
        if not line.strip():
            continue
        path, _, rest = line.strip().partition(" ")
        class_name = _class_name(rest.split())
        if class_name not in CLASSES:
            wrong.append(f"line {number} of {TABLE} is {line.strip()!r}")
        class_of[str(table.parent / path)] = class_name
    refuse_incomplete(tree, "ELPV", wrong)
    return class_of


def _class_name(cells: Sequence[str]) -> str:
    """The class that a probability and a cell type make; empty if they are none."""
    try:
        probability, cell_type = cells
        return f"{cell_type} {PROBABILITIES[round(100 * float(probability))]}"
    except (ValueError, KeyError, OverflowError):
        return ""
