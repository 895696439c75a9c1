"""Masks and other annotations that lie beside pictures as pictures of their own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
from PIL import Image

from fewshot_bench.data.images import JPEG_SUFFIXES, decode_image
from fewshot_bench.data.tree import FileTree, natural_order
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError

__all__ = ["Pictures", "without_masks", "words_of_name"]

GROUND_TRUTH = ("groundtruth", "groundtruths")
MASK_WORDS = (
    *("mask", "masks", "gt", "gts", "label", "labels", "lab", "annotation", "annotations"),
    *("msk", "msks", "truth"),
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
PLAIN_SHARE = 0.95  # of the pixels of a mask with more values are nearly black or white
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

    def turned(self) -> _Suspects:
        """The partners as suspects, each beside the file that was one."""
        return _Suspects(self.partners, self.files)

    def sample(self) -> list[int]:
        """Positions of files to look at, evenly spread."""
        count = min(SAMPLE, len(self.files))
        return [index * len(self.files) // count for index in range(count)]


def without_masks(tree: FileTree, files: Sequence[str]) -> Pictures:
    """The pictures among image files, without masks, annotations and second formats.

    A mask is known by its folder (`ground_truth`, `Masks`), by its name beside a picture
    (`000_mask.png`, `000_GT.png`), or by a file with the same stem in another format. Unless the
    name leaves no doubt, some of the files are opened: a mask has few values.
    """
    masks: list[str] = []
    copies: list[str] = []
    for suspects in _suspects(files):
        if suspects.is_certain or _are_masks(tree, suspects):
            masks += suspects.files
        elif suspects.partners and _are_copies(tree, suspects):
            copies += suspects.files
        elif suspects.partners and _are_masks(tree, suspects.turned()):
            masks += suspects.partners
    notes = []
    if masks:
        count = counted(len(masks), "mask or annotation", "masks or annotations")
        notes.append(f"{count} beside the pictures left out: {some(masks)}")
    if copies:
        count = counted(len(copies), "file is", "files are")
        notes.append(
            f"{count} left out, as the same picture lies beside in another format: {some(copies)}"
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
    every_stem = set().union(*stems.values())
    named = _Suspects(is_certain=True)
    others = []
    mask_folders: dict[str, str | None] = {}
    for file in files:
        parent, _, name = file.rpartition("/")
        if parent not in mask_folders:
            mask_folders[parent] = _mask_folder(PurePosixPath(file))
        folder = mask_folders[parent]
        picture = _named_after(name)
        above = parent.rpartition("/")[0]
        if picture in stems[parent] or picture in stems[above]:
            named.files.append(file)
        elif folder is not None:
            of_folder[folder].files.append(file)
        elif picture in every_stem:
            of_folder[parent].files.append(file)
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
        parent, _, name = file.rpartition("/")
        stems[parent].add(_stem(name))
    return stems


def _stem(name: str) -> str:
    """The name of a picture without its ending, as `PurePath.stem` has it, which takes long."""
    stem, dot, _ = name.rpartition(".")
    return stem if stem and dot and not name.endswith(".") else name


def _mask_folder(path: PurePosixPath) -> str | None:
    """The first folder above a file whose name says that it holds masks, or None."""
    for folder in reversed(path.parents[:-1]):
        words = words_of_name(folder.name)
        if "".join(words) in GROUND_TRUTH or (words and words[-1] in MASK_WORDS):
            return str(folder)
    return None


def _named_after(name: str) -> str | None:
    """The stem of the picture that a file is a mask of by its name (`000` of `000_mask.png`)."""
    match = MASK_STEM.fullmatch(_stem(name))
    return None if match is None else match["picture"]


def _picture_folders(files: Sequence[str]) -> set[str]:
    """The folders that hold a folder of pictures by name, such as `images`."""
    holding = set()
    one_in_each = {file.rpartition("/")[0]: file for file in files}
    for file in one_in_each.values():
        for folder in PurePosixPath(file).parents:
            words = words_of_name(folder.name)
            if words and words[-1] in PICTURE_WORDS:
                holding.add(str(folder.parent))
    return holding


def _second_formats(files: Sequence[str]) -> list[_Suspects]:
    """Files beside one of the same stem in another format, by folder and formats."""
    first_with: dict[PurePosixPath, PurePosixPath] = {}
    alike: dict[tuple[str, str, str], _Suspects] = defaultdict(_Suspects)
    count_of = Counter(map(_without_suffix, files))
    several = [PurePosixPath(file) for file in files if count_of[_without_suffix(file)] > 1]
    for path in sorted(several, key=_picture_first):
        first = first_with.setdefault(path.with_suffix(""), path)
        formats = (first.suffix.lower(), path.suffix.lower())
        if path != first:
            suspects = alike[str(path.parent), *formats]
            suspects.files.append(str(path))
            suspects.partners.append(str(first))
    return list(alike.values())


def _without_suffix(file: str) -> str:
    parent, _, name = file.rpartition("/")
    return f"{parent}/{_stem(name)}"


def _picture_first(path: PurePosixPath) -> tuple[int, list[tuple[int, str]]]:
    """A sort key: of files with one stem, the picture is most likely a JPEG and last a PNG."""
    suffix = path.suffix.lower()
    is_jpeg = suffix in JPEG_SUFFIXES
    rank = 0 if is_jpeg else 1 + (suffix == ".png")
    return rank, natural_order(str(path))


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
    # a JPEG, and soft edges, have values between black and white
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
