"""The class of each picture, from the folders that it lies in."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from fewshot_bench.data.class_names import renamed_classes
from fewshot_bench.data.images import IMAGE_SUFFIXES, UNREADABLE_SUFFIXES, is_image
from fewshot_bench.data.masks import without_masks, words_of_name
from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError

__all__ = ["ClassLayout", "alike_notes", "class_layout"]

Folders = tuple[str, ...]  # the folders above a file, from the top

# words of folders that part or hold a data set and are no classes, where all beside them are too
PARTS = (
    *("train", "training", "trainval", "test", "testing", "val", "valid", "validation", "dev"),
    *("eval", "evaluation", "holdout", "split", "splits", "fold", "folds", "part", "set", "sets"),
)
CONTAINERS = (
    *("image", "images", "img", "imgs", "picture", "pictures", "photo", "photos", "pic", "pics"),
    *("data", "datas", "dataset", "datasets", "raw", "original", "originals", "rgb", "grey"),
    *("gray", "jpg", "jpeg", "png", "bmp", "tif", "tiff", "crop", "crops", "all"),
)
NO_CLASS_WORDS = {*PARTS, *CONTAINERS}
MOST_LISTED = 8  # class names of one level in a message


@dataclass(frozen=True)
class ClassLayout:
    """Pictures and the class of each. notes: what was left out, merged, or may be a mistake."""

    files: tuple[str, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def class_names(self) -> list[str]:
        """Each class once, sorted."""
        return sorted(set(self.classes))

    @property
    def labels(self) -> list[int]:
        """For each picture, the position of its class in `class_names`."""
        positions = {name: label for label, name in enumerate(self.class_names)}
        return [positions[name] for name in self.classes]


def class_layout(
    tree: FileTree, *, class_level: int = 0, keep_masks: bool = False, class_names: str = ""
) -> ClassLayout:
    """The pictures of a tree in the order of its files, and their classes.

    The class is the folder level whose names vary. Folders such as `train` and `Imgs`, and levels
    with one name, are none. class_level: counted from the top, 1 for the folders directly in what
    the user named; a picture with fewer folders above it has the last of them as its class; 0:
    found. Masks and annotations are left out, unless `keep_masks`. class_names: see
    `renamed_classes`.

    Raises `UserError` if no picture lies in a class folder, and if two levels could be meant.
    """
    images = list(filter(is_image, tree.files))
    notes = list(tree.notes)
    if not keep_masks:
        pictures = without_masks(tree, images)
        images = pictures.files
        for note in pictures.notes:
            notes.append(f"{note}; --keep-masks reads them as pictures")
    folders_of = {file: PurePosixPath(file).parts[:-1] for file in images}
    class_of = _classes(tree, {*folders_of.values()} - {()}, class_level)
    files = []
    classes = []
    without_class = []
    for file, folders in folders_of.items():
        name = class_of.get(folders)
        if name is None:
            without_class.append(file)
        else:
            files.append(file)
            classes.append(name)
    if without_class:
        count = counted(len(without_class), "picture is", "pictures are")
        notes.append(f"{count} left out, in no class folder: {some(without_class)}")
    notes += _merged_notes(class_of)
    notes += _unread_notes(tree, set(classes))
    classes, renaming_notes = renamed_classes(classes, class_names)
    notes += renaming_notes
    notes += alike_notes(set(classes))
    return ClassLayout(tuple(files), tuple(classes), tuple(notes))


def _classes(tree: FileTree, folders: set[Folders], class_level: int) -> dict[Folders, str]:
    """The class of each folder that holds pictures; folders without one are not in it."""
    if not folders:
        raise _no_class_folder(tree)
    if class_level:
        deepest = max(map(len, folders))
        if not 1 <= class_level <= deepest:
            raise UserError(
                f"class_level={class_level} is out of bounds (allowed: 1 to {deepest}, the folders "
                f"above the pictures of {tree.path})"
            )
        return _at_level(folders, class_level)
    telling = _telling_levels(folders)
    deepest = max(map(len, telling.values()))
    if deepest == 0:
        raise UserError(
            f"the folders of {tree.path} are named like parts of a data set and not like classes "
            f"({_listed(_names(folders))}); name a folder with one folder a class, or take them as "
            f"classes with --class-level, 1 to {max(map(len, folders))}"
        )
    readings: dict[tuple[tuple[Folders, ...], ...], dict[Folders, str]] = {}
    for depth in range(deepest):
        class_of = {}
        for place, levels in telling.items():
            if levels:
                class_of[place] = place[levels[min(depth, len(levels) - 1)]]
        readings[_parting(class_of)] = class_of  # of equal partings, the deepest names it
    if len(readings) > 1:
        raise _ambiguous(tree, folders, telling)
    return next(iter(readings.values()))


def _telling_levels(folders: set[Folders]) -> dict[Folders, list[int]]:
    """For each folder with pictures, the positions of the names that may be its class.

    Left out are names of parts and containers, where all folders beside them are such, and levels
    where all folders have one name.
    """
    beside: dict[Folders, set[str]] = defaultdict(set)
    for place in folders:
        for level, name in enumerate(place):
            beside[place[:level]].add(name)
    telling = {}
    for place in folders:
        levels = []
        for level in range(len(place)):
            if not all(map(_is_no_class, beside[place[:level]])):
                levels.append(level)
        telling[place] = levels
    shallowest = min(map(len, telling.values()))
    constant = []
    for depth in range(shallowest):
        names = {place[levels[depth]] for place, levels in telling.items()}
        if len(names) == 1:
            constant.append(depth)
    has_one_class = len(constant) == max(map(len, telling.values()))
    kept_constant = constant[-1:] if has_one_class else []
    left_out = set(constant) - set(kept_constant)
    varying = {}
    for place, levels in telling.items():
        varying[place] = [level for at, level in enumerate(levels) if at not in left_out]
    return varying


def _is_no_class(name: str) -> bool:
    words = words_of_name(name)
    return bool(words) and NO_CLASS_WORDS.issuperset(words)


def _at_level(folders: Iterable[Folders], class_level: int) -> dict[Folders, str]:
    return {place: place[min(class_level, len(place)) - 1] for place in folders}


def _parting(class_of: Mapping[Folders, str]) -> tuple[tuple[Folders, ...], ...]:
    """Which folders are of one class, whatever it is called."""
    members: dict[str, list[Folders]] = defaultdict(list)
    for place in sorted(class_of):
        members[class_of[place]].append(place)
    return tuple(sorted(map(tuple, members.values())))


def _ambiguous(
    tree: FileTree, folders: set[Folders], telling: Mapping[Folders, list[int]]
) -> UserError:
    levels: set[int] = set()
    for positions in telling.values():
        levels.update(positions)
    texts = []
    for level in sorted(levels):
        names = set(_at_level(folders, level + 1).values())
        texts.append(f"--class-level {level + 1}: {len(names)} classes, {_listed(names)}")
    return UserError(
        f"folders of {tree.path} vary on {len(texts)} levels, and each may be the class; choose "
        f"one ({'; '.join(texts)})"
    )


def _no_class_folder(tree: FileTree) -> UserError:
    unread = Counter(_suffix(file) for file in tree.files if not is_image(file))
    found = f", but {_suffix_counts(unread)}" if unread else ""
    return UserError(
        f"{tree.path} holds no image in a class folder{found}; expected CLASS/NAME with "
        f"{', '.join(IMAGE_SUFFIXES)}"
    )


def _merged_notes(class_of: Mapping[Folders, str]) -> list[str]:
    """Which folders hold pictures of one class in several places."""
    classes = set(class_of.values())
    if len(class_of) == len(classes):
        return []
    names = _names(class_of) - classes
    text = f"{len(class_of)} folders are read as {len(classes)} classes"
    # names that all folders share part nothing
    parting = [name for name in names if not all(name in place for place in class_of)]
    if parting:
        text += f"; {_listed(parting)} above or below a class are not told apart"
    return [text]


def _unread_notes(tree: FileTree, classes: set[str]) -> list[str]:
    """Which files are not read, and which folders have no picture and so are no class."""
    unread = [file for file in tree.files if not is_image(file)]
    notes = []
    if unread:
        counts = Counter(map(_suffix, unread))
        text = f"files that are not read: {_suffix_counts(counts)}"
        pictures = sorted(counts.keys() & UNREADABLE_SUFFIXES)
        if pictures:
            text += f"; save {', '.join(pictures)} as .png or .jpg to have them read"
        notes.append(text)
    with_images: set[PurePosixPath] = set()
    for file in tree.files:
        if is_image(file):
            with_images.update(PurePosixPath(file).parents)
    lost: dict[str, Counter[str]] = defaultdict(Counter)
    for empty in tree.empty_folders:
        lost[empty] = Counter()
    for file in unread:
        place = PurePosixPath(file).parent
        if place not in with_images and place.name:
            lost[str(place)][_suffix(file)] += 1
    texts = []
    for folder, counts in sorted(lost.items()):
        if PurePosixPath(folder).name not in classes:
            texts.append(f"{folder} ({_suffix_counts(counts) if counts else 'empty'})")
    if texts:
        notes.append(f"folders without a picture that can be read are no classes: {some(texts)}")
    return notes


def alike_notes(class_names: Iterable[str]) -> list[str]:
    """A note on classes whose names differ only in case, separators or a plural s."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in sorted(class_names):
        spellings[_sound(name)].append(name)
    alike = [" and ".join(map(repr, names)) for names in spellings.values() if len(names) > 1]
    if not alike:
        return []
    return [
        f"classes whose names are spelled alike are told apart: {some(alike)}; if they mean one "
        "class, give them one name, in the data or with --class-names"
    ]


def _sound(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    letters = re.sub(r"[\s_.\-]+", "", plain)
    return re.sub(r"(?<=[a-z]{2})(es|s|e)$", "", letters)


def _names(folders: Iterable[Folders]) -> set[str]:
    names: set[str] = set()
    for place in folders:
        names.update(place)
    return names


def _listed(names: Iterable[str]) -> str:
    ordered = sorted(names)
    text = ", ".join(ordered[:MOST_LISTED])
    return text + ", ..." if len(ordered) > MOST_LISTED else text


def _suffix(file: str) -> str:
    return PurePosixPath(file).suffix.lower() or PurePosixPath(file).name


def _suffix_counts(counts: Mapping[str, int]) -> str:
    """For instance "8 .heic, 1 .txt"."""
    texts = [f"{count} {suffix}" for suffix, count in sorted(counts.items())]
    return some(texts)
