"""Masks and other annotations that lie beside pictures as pictures of their own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from fewshot_bench.data.images import JPEG_SUFFIXES, decode_image
from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import some
from fewshot_bench.errors import UserError

__all__ = ["Pictures", "without_masks", "words_of_name"]

GROUND_TRUTH = ("groundtruth", "groundtruths")
MASK_WORDS = (
    *("mask", "masks", "gt", "gts", "label", "labels", "lab", "annotation", "annotations"),
    *("anno", "annos", "seg", "segs", "segmentation", "segmentations"),
)
PICTURE_WORDS = ("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos")
# 000_mask, 10301_GT, Part0_label, 7-mask-2
MASK_STEM = re.compile(
    rf"(?P<picture>.+?)[ _.\-]+(?:ground[ _\-]?truth|{'|'.join(MASK_WORDS)})(?:[ _\-]?[0-9]+)?",
    re.IGNORECASE,
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

SAMPLE = 12  # files of a folder that are looked at
MOST_VALUES = 16  # of a mask
NEAR = 16  # grey levels: so much a JPEG changes black and white
PLAIN_SHARE = 0.95  # of the pixels of a mask that is a JPEG are nearly black or white
SAME = 12.0  # grey levels: mean difference of one picture in two formats


@dataclass(frozen=True)
class Pictures:
    """The pictures among some files. notes: what was left out."""

    files: list[str]
    notes: list[str]


@dataclass
class _Suspects:
    """Files that may be no pictures for one reason. partners: the picture beside each, or none."""

    files: list[str] = field(default_factory=list)
    partners: list[str] = field(default_factory=list)
    is_certain: bool = False

    def sample(self) -> list[int]:
        """Positions of files to look at, evenly spread."""
        count = min(SAMPLE, len(self.files))
        return [index * len(self.files) // count for index in range(count)]


def without_masks(tree: FileTree, files: Sequence[str]) -> Pictures:
    """The pictures among image files, without masks, annotations and second formats.

    A mask is known by its folder (`ground_truth`, `Masks`), by its name beside a picture
    (`000_mask.png`, `000_GT.png`), or by a picture with the same stem in another format. Unless
    the name leaves no doubt, some of the files are opened: a mask has few values.
    """
    masks: list[str] = []
    copies: list[str] = []
    for suspects in _suspects(files):
        if suspects.is_certain or _are_masks(tree, suspects):
            masks += suspects.files
        elif suspects.partners and _are_copies(tree, suspects):
            copies += suspects.files
    notes = []
    if masks:
        notes.append(
            f"{len(masks)} masks or annotations beside the pictures are left out: {some(masks)}"
        )
    if copies:
        notes.append(
            f"{len(copies)} files are left out, because the same picture lies beside them in "
            f"another format: {some(copies)}"
        )
    left_out = {*masks, *copies}
    return Pictures([file for file in files if file not in left_out], notes)


def words_of_name(name: str) -> list[str]:
    """The English words of a name, in lower case: `train_images`, `TrainImages`, `train2017`."""
    if not name.isascii():
        return []
    return [word.casefold() for word in WORD.findall(name)]


def _suspects(files: Sequence[str]) -> list[_Suspects]:
    stems = _stems_by_folder(files)
    of_folder: dict[str, _Suspects] = defaultdict(_Suspects)
    named = _Suspects(is_certain=True)
    others = []
    for file in files:
        path = PurePosixPath(file)
        folder = _mask_folder(path)
        if _is_named_as_mask(path, stems):
            named.files.append(file)
        elif folder is not None:
            of_folder[folder].files.append(file)
        else:
            others.append(file)
    picture_folders = _picture_folders(others)
    for folder, suspects in of_folder.items():
        place = PurePosixPath(folder)
        says_so = "".join(words_of_name(place.name)) in GROUND_TRUTH
        suspects.is_certain = says_so or str(place.parent) in picture_folders
    return [named, *of_folder.values(), *_second_formats(others)]


def _stems_by_folder(files: Sequence[str]) -> dict[str, set[str]]:
    stems: dict[str, set[str]] = defaultdict(set)
    for file in files:
        path = PurePosixPath(file)
        stems[str(path.parent)].add(path.stem)
    return stems


def _mask_folder(path: PurePosixPath) -> str | None:
    """The first folder above a file whose name says that it holds masks, or None."""
    for folder in reversed(path.parents[:-1]):
        words = words_of_name(folder.name)
        if "".join(words) in GROUND_TRUTH or (words and words[-1] in MASK_WORDS):
            return str(folder)
    return None


def _is_named_as_mask(path: PurePosixPath, stems: Mapping[str, set[str]]) -> bool:
    """Whether its name is that of a picture in its folder, or in the one above, and `mask`."""
    match = MASK_STEM.fullmatch(path.stem)
    if match is None:
        return False
    picture = match["picture"]
    here = stems[str(path.parent)]
    above = stems.get(str(path.parent.parent), set())
    return picture in here or picture in above


def _picture_folders(files: Sequence[str]) -> set[str]:
    """The folders that hold a folder of pictures by name, such as `images`."""
    holding = set()
    for file in files:
        for folder in PurePosixPath(file).parents:
            words = words_of_name(folder.name)
            if words and words[-1] in PICTURE_WORDS:
                holding.add(str(folder.parent))
    return holding


def _second_formats(files: Sequence[str]) -> list[_Suspects]:
    """Files beside a JPEG of the same stem, by folder."""
    jpegs = {}
    for file in files:
        path = PurePosixPath(file)
        if path.suffix.lower() in JPEG_SUFFIXES:
            jpegs[path.with_suffix("")] = file
    of_folder: dict[str, _Suspects] = defaultdict(_Suspects)
    for file in files:
        path = PurePosixPath(file)
        jpeg = jpegs.get(path.with_suffix(""))
        if jpeg is not None and path.suffix.lower() not in JPEG_SUFFIXES:
            suspects = of_folder[str(path.parent)]
            suspects.files.append(file)
            suspects.partners.append(jpeg)
    return list(of_folder.values())


def _are_masks(tree: FileTree, suspects: _Suspects) -> bool:
    """Whether most of a sample of the files have few values, as masks have."""
    votes = [_is_mask(tree, suspects.files[index]) for index in suspects.sample()]
    return sum(votes) > len(votes) / 2


def _is_mask(tree: FileTree, file: str) -> bool:
    pixels = _grey(tree, file)
    if pixels is None:
        return False
    counts = np.bincount(pixels.ravel(), minlength=256)
    values = np.flatnonzero(counts)
    if len(values) <= MOST_VALUES:
        return True
    if PurePosixPath(file).suffix.lower() not in JPEG_SUFFIXES:
        return False
    dark = counts[: values[0] + NEAR].sum()
    bright = counts[values[-1] - NEAR + 1 :].sum()
    return bool(dark + bright >= PLAIN_SHARE * pixels.size)


def _are_copies(tree: FileTree, suspects: _Suspects) -> bool:
    """Whether most of a sample of the files are like their partners."""
    votes = []
    for index in suspects.sample():
        pixels = _grey(tree, suspects.files[index])
        partner = _grey(tree, suspects.partners[index])
        is_copy = False
        if pixels is not None and partner is not None and pixels.shape == partner.shape:
            difference = np.abs(pixels.astype(np.int16) - partner)
            is_copy = bool(difference.mean() < SAME)
        votes.append(is_copy)
    return sum(votes) > len(votes) / 2


def _grey(tree: FileTree, file: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]] | None:
    """The grey values of an image; None if it is damaged, which is told when it is read."""
    try:
        image: Image.Image = decode_image(tree, file)
    except UserError:
        return None
    return np.asarray(image.convert("L"))
