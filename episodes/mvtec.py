"""MVTec AD and MVTec-FS: defects of 15 products; 73 types as AD has them, 46 as FS labels them."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from fewshot_bench import (
    MULTI_LABEL,
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
    label_layout,
    layout_images,
    mask_boxes,
    natural_order,
    refuse_incomplete,
)

# product -> its types of defects in MVTec AD
PRODUCTS = {
    "bottle": ("broken_large", "broken_small", "contamination"),
    "cable": (
        *("bent_wire", "cable_swap", "combined", "cut_inner_insulation", "cut_outer_insulation"),
        *("missing_cable", "missing_wire", "poke_insulation"),
    ),
    "capsule": ("crack", "faulty_imprint", "poke", "scratch", "squeeze"),
    "carpet": ("color", "cut", "hole", "metal_contamination", "thread"),
    "grid": ("bent", "broken", "glue", "metal_contamination", "thread"),
    "hazelnut": ("crack", "cut", "hole", "print"),
    "leather": ("color", "cut", "fold", "glue", "poke"),
    "metal_nut": ("bent", "color", "flip", "scratch"),
    "pill": (
        *("color", "combined", "contamination", "crack", "faulty_imprint", "pill_type"),
        "scratch",
    ),
    "screw": ("manipulated_front", "scratch_head", "scratch_neck", "thread_side", "thread_top"),
    "tile": ("crack", "glue_strip", "gray_stroke", "oil", "rough"),
    "toothbrush": ("defective",),
    "transistor": ("bent_lead", "cut_lead", "damaged_case", "misplaced"),
    "wood": ("color", "combined", "hole", "liquid", "scratch"),
    "zipper": (
        *("broken_teeth", "combined", "fabric_border", "fabric_interior", "rough", "split_teeth"),
        "squeezed_teeth",
    ),
}
TEXTURES = ("carpet", "grid", "leather", "tile", "wood")
OBJECTS = tuple(name for name in PRODUCTS if name not in TEXTURES)
GOOD = "good"
DEFECTIVE = 1_258  # images of MVTec AD
# of MVTec-FS
FS_COUNTS = {"products": 14, "types of defects": 46, "pictures": 1_228}
TEST = re.compile(r"(?:(?:^|/)(?P<product>[^/]+)/)?(?P<part>train|test)/(?P<type>[^/]+)/[^/]+$")
TABLE = re.compile(r"(?:^|/)CONFIG/(?P<product>[^/]+)_config1/(?:train|valid)\.csv$")
Box = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax
LEAST_RECOGNISED = 600  # images


@dataclass(frozen=True, kw_only=True)
class MvtecSettings(PictureSettings):
    """edition: ad, the folders of MVTec AD, or fs, the tables of MVTec-FS.

    product: one to read, or empty for all; good: images without a defect are read too, as a class
    of each product (only with ad); multi_label: what happens to a picture to which fs gives several
    labels, see `label_layout`.
    """

    edition: Literal["ad", "fs"] = "ad"
    product: str = ""
    good: bool = False
    multi_label: str = "drop"

    def check(self) -> None:
        """Raise `UserError` if a value is out of bounds."""
        super().check()
        is_known = self.product in ("", *PRODUCTS)
        self.need(is_known, "product", f"empty for all, or {', '.join(PRODUCTS)}")
        self.need(self.multi_label in MULTI_LABEL, "multi_label", ", ".join(MULTI_LABEL))
        has_good = self.edition == "ad" or not self.good
        self.need(has_good, "good", "false with edition=fs, which has defects only")

    @property
    def products(self) -> tuple[str, ...]:
        """Those to read."""
        return (self.product,) if self.product else tuple(PRODUCTS)


def _classes(products: Sequence[str], *, good: bool = False) -> tuple[str, ...]:
    """The classes of these products in MVTec AD, for instance bottle/contamination."""
    names = []
    for product in products:
        names += [f"{product}/{defect}" for defect in PRODUCTS[product]]
        if good:
            names.append(f"{product}/{GOOD}")
    return tuple(names)


class Mvtec(DataSet):
    """MVTec AD, or MVTec-FS with its CONFIG folder beside the pictures, in a folder or archive."""

    card = DataCard(
        title="MVTec AD and MVTec-FS",
        source="Bergmann et al.: The MVTec anomaly detection dataset (IJCV 129); Lyu et al.: MVREC "
        "(AAAI 2025) for the labels of MVTec-FS; CC BY-NC-SA 4.0",
        year=2021,
        found_as=(
            *("mvtec_anomaly_detection.tar.xz", "mvtec_anomaly_detection", "mvtec_ad"),
            *("MVTec-AD", "MVTec-FS.zip", "MVTec-FS"),
        ),
        get_it="download MVTec AD from MVTec, or MVTec-FS from the authors of MVREC, and name the "
        "folder or archive with --data",
    )
    protocols = (
        FewShot(
            name="mvtec-heldout",
            dataset="mvtec",
            train_classes=_classes(OBJECTS),
            test_classes=_classes(TEXTURES),
            ways=5,
            queries=None,  # wood/color has 8 images
        ),
        Classification(name="mvtec-small", dataset="mvtec", train_sizes=(1, 3, 5)),
    )
    settings_type = MvtecSettings
    settings: MvtecSettings

    def load(self, path: Path | None) -> LabelledImages:
        """The pictures with defects as squares, with boxes from masks (AD) or tables (FS).

        Raises `UserError` if a product or a type of defects is missing.
        """
        with given_tree("mvtec", path, self.card.get_it) as tree:
            # a folder of one product does not hold the name of the product
            key_parts = ["mvtec", self.settings.as_dict(), _top(tree), tree.content_digest()]
            return cached_images(key_parts, lambda: _load(tree, self.settings))

    def versioned_protocols(self) -> tuple[FewShot | Classification, ...]:
        """The protocols whose classes the settings read."""
        heldout, *others = self.protocols
        assert isinstance(heldout, FewShot)
        if self.settings.edition == "fs" or self.settings.product:
            return tuple(others)
        if self.settings.good:
            train = _classes(OBJECTS, good=True)
            test = _classes(TEXTURES, good=True)
            heldout = dataclasses.replace(heldout, train_classes=train, test_classes=test)
        return (heldout, *others)

    @classmethod
    def recognises(cls, files: Sequence[str]) -> bool:
        """Whether it has the folders of all its types of defects, with many images."""
        images = 0
        classes = set()
        for file in filter(is_image, files):
            match = TEST.search(file)
            if match:
                images += 1
                classes.add(f"{match['product']}/{match['type']}")
        return images >= LEAST_RECOGNISED and classes.issuperset(_classes(tuple(PRODUCTS)))


def _load(tree: FileTree, settings: MvtecSettings) -> LabelledImages:
    layout = _ad_layout(tree, settings) if settings.edition == "ad" else _fs_layout(tree, settings)
    layout = dataclasses.replace(layout, notes=(*tree.notes, *layout.notes))
    return layout_images(tree, layout, "mvtec", side=settings.side, fit=settings.fit)


def _top(tree: FileTree) -> str:
    """The name of the folder or archive, without endings."""
    return tree.path.absolute().name.partition(".")[0]


def _ad_layout(tree: FileTree, settings: MvtecSettings) -> LabelLayout:
    class_of = {}
    others = 0
    for file in filter(is_image, tree.files):
        match = TEST.search(file)
        product = match and (match["product"] or _top(tree))
        if match and product in settings.products:
            class_of[file] = f"{product}/{match['type']}"
        elif "/ground_truth/" not in f"/{file}":
            others += 1
    is_good = {file: name.endswith(f"/{GOOD}") for file, name in class_of.items()}
    _check_types(tree, settings, set(class_of.values()))
    if not settings.product:
        defective = len(class_of) - sum(is_good.values())
        check_counts(tree, "MVTec AD", {"it": defective}, {"it": DEFECTIVE})
    files = [file for file in class_of if settings.good or not is_good[file]]
    masks = [None if is_good[file] else _mask_of(file) for file in files]
    present = set(tree.files)
    missing = [mask for mask in masks if mask and mask not in present]
    refuse_incomplete(tree, "MVTec AD", [f"there is no {mask}" for mask in missing])
    notes = []
    if others:
        notes.append(f"{others} images are of other products or in other folders and are left out")
    if len(files) < len(class_of):
        notes.append(
            f"{len(class_of) - len(files)} images without a defect are left out; --set "
            "mvtec.good=true reads them"
        )
    classes = tuple(class_of[file] for file in files)
    return LabelLayout(tuple(files), classes, tuple(notes), boxes=mask_boxes(tree, masks))


def _mask_of(file: str) -> str:
    """`bottle/ground_truth/crack/000_mask.png` of `bottle/test/crack/000.png`."""
    path = PurePosixPath(file)
    product = path.parent.parent.parent
    return str(product / "ground_truth" / path.parent.name / f"{path.stem}_mask{path.suffix}")


def _check_types(tree: FileTree, settings: MvtecSettings, classes: set[str]) -> None:
    """Raise `UserError` if the types of defects are not those of MVTec AD."""
    present = {name.partition("/")[0] for name in classes}
    absent = [product for product in settings.products if product not in present]
    products = [product for product in settings.products if product in present]
    wrong = []
    if absent:
        remedy = "" if settings.product else " (--set mvtec.product=NAME reads one product)"
        wrong.append(f"there is no image of {', '.join(absent)}{remedy}")
    expected = {*_classes(products, good=settings.good)}
    wrong += [f"there is no image of {name}" for name in sorted(expected - classes)]
    for name in sorted(classes - expected):
        if not name.endswith(f"/{GOOD}"):
            wrong.append(f"{name} is none of its types of defects")
    refuse_incomplete(tree, "MVTec AD", wrong)


def _fs_layout(tree: FileTree, settings: MvtecSettings) -> LabelLayout:
    tables = defaultdict(list)
    for file in tree.files:
        match = TABLE.search(file)
        if match and match["product"] in settings.products:
            tables[match["product"]].append(file)
    layouts = []
    found: dict[str, set[str]] = {name: set() for name in FS_COUNTS}
    for product in sorted(tables, key=natural_order):
        content = _joined(tree, tables[product])
        files = [file for file in tree.files if product in PurePosixPath(file).parts]
        title = f"the tables of {product}"
        layout = label_layout(files, content, title, multi_label=settings.multi_label)
        every = label_layout(files, content, title, multi_label="first")
        found["products"].add(product)
        found["types of defects"].update(f"{product}/{label}" for label in _labels(content))
        found["pictures"].update(every.files)
        layouts.append(_of_product(layout, product))
    if settings.product:
        wrong = [] if tables else [f"there are no tables of {settings.product}"]
        refuse_incomplete(tree, "MVTec-FS", wrong)
    else:
        counts = {name: len(values) for name, values in found.items()}
        wrong = []
        for name, expected in FS_COUNTS.items():
            if counts[name] != expected:
                wrong.append(f"it has {counts[name]} {name} (expected {expected:,})")
        refuse_incomplete(tree, "MVTec-FS", wrong)
    return _together(layouts)


def _joined(tree: FileTree, tables: Sequence[str]) -> bytes:
    """One table of several. Raises `UserError` if they do not have the same columns."""
    headers = []
    rows = []
    for table in tables:
        content = tree.read(table).removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
        header, _, own_rows = content.partition(b"\n")
        headers.append(header)
        rows.append(own_rows.rstrip(b"\n"))
    wrong = []
    if len(set(headers)) > 1:
        wrong.append(f"{' and '.join(tables)} have other columns")
    refuse_incomplete(tree, "MVTec-FS", wrong)
    return b"\n".join([headers[0], *rows])


def _labels(content: bytes) -> set[str]:
    rows = csv.DictReader(io.StringIO(content.decode(errors="replace")))
    return {row.get("label") or "" for row in rows} - {""}


def _of_product(layout: LabelLayout, product: str) -> LabelLayout:
    """The layout with the name of the product before classes and notes."""
    classes = tuple(f"{product}/{name}" for name in layout.classes)
    notes = tuple(f"{product}: {note}" for note in layout.notes)
    return dataclasses.replace(layout, classes=classes, notes=notes)


def _together(layouts: Sequence[LabelLayout]) -> LabelLayout:
    files: list[str] = []
    classes: list[str] = []
    notes: list[str] = []
    boxes: list[tuple[Box, ...]] = []
    for layout in layouts:
        files += layout.files
        classes += layout.classes
        notes += layout.notes
        boxes += layout.boxes or [()] * len(layout.files)
    return LabelLayout(tuple(files), tuple(classes), tuple(notes), boxes=tuple(boxes))
