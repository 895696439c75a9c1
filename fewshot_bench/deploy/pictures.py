"""Unlabelled pictures in the form of the references: one size, grey or RGB.

Shapes: M images, C channels, S pixels a side.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.image_set import read_images
from fewshot_bench.data.images import IMAGE_SUFFIXES, is_image
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.masks import without_masks
from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import counted, some
from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path
from fewshot_bench.seeds import digest

__all__ = ["Form", "in_form", "read_pictures"]

Images = npt.NDArray[np.uint8]
UNLABELLED = "unlabelled"
# of red, green and blue in grey, in 2**16ths: ITU-R 601-2, as Pillow has it
GREY_WEIGHTS = np.array([19595, 38470, 7471], dtype=np.uint32)
HALF = 0x8000


@dataclass(frozen=True)
class Form:
    """What every picture is brought to. side: in pixels; channels: 1 (grey) or 3 (RGB)."""

    side: int
    channels: int
    fit: str = "squash"
    keep_masks: bool = False


@dataclass(frozen=True)
class _Source:
    """A folder or archive, and what a picture in it is called. only: files of the folder."""

    path: Path
    prefix: str
    only: tuple[str, ...] | None = None


def read_pictures(paths: Sequence[Path | str], form: Form) -> LabelledImages:
    """The pictures of files, folders and archives, in this order; those of a folder by name.

    They have one class, `unlabelled`. Raises `UserError` where there is none, and one that names
    every picture that cannot be read.
    """
    names: list[str] = []
    parts: list[Images] = []
    notes: list[str] = []
    damaged: list[str] = []
    for source in _sources(paths):
        with FileTree(source.path, source.only) as tree:
            files = source.only or _files(tree, form, notes)
            names += [f"{source.prefix}{file}" for file in files]
            try:
                read = read_images(tree, files, side=form.side, fit=form.fit)
            except UserError as error:
                damaged.append(str(error))
                continue
        parts.append(in_form(read.images, form, notes))
        notes += read.notes
    if damaged:
        raise UserError("; ".join(damaged))
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        notes.append(f"given twice, and each time a row: {some(repeated)}")
    images = np.concatenate(parts)
    return LabelledImages(
        name="pictures",
        images=images,
        labels=np.zeros(len(images), dtype=np.int64),
        class_names=(UNLABELLED,),
        files=tuple(names),
        digest=digest("pictures", images.shape, hashlib.sha256(images.tobytes()).hexdigest()),
        notes=tuple(dict.fromkeys(notes)),
    )


def in_form(images: Images, form: Form, notes: list[str]) -> Images:
    """Images (M, C, S, S) with the channels of the form; a change is added to the notes."""
    channels = images.shape[1]
    if channels == form.channels:
        return images
    count = counted(len(images), "picture was", "pictures were")
    if channels == 1:
        notes.append(f"{count} made RGB, as the references are")
        return np.repeat(images, 3, axis=1)
    notes.append(f"{count} made grey, as the references are")
    weighted = np.tensordot(images.astype(np.uint32), GREY_WEIGHTS, axes=(1, 0))
    grey: Images = ((weighted + HALF) >> 16).astype(np.uint8)
    return grey[:, None]


def _sources(paths: Sequence[Path | str]) -> list[_Source]:
    """Where the pictures are; files one after the other in one folder are one source."""
    if not paths:
        raise UserError("no pictures are named; name files, folders or an archive of pictures")
    sources: list[_Source] = []
    for text in paths:
        path = user_path(text)
        if not path.exists():
            raise UserError(f"{path} does not exist; name files, folders or an archive of pictures")
        if path.is_dir() or not is_image(path.name):
            sources.append(_Source(path, f"{PurePath(path).as_posix()}/"))
            continue
        folder = path.parent
        prefix = PurePath(path).as_posix().removesuffix(path.name)
        if sources and sources[-1].only is not None and sources[-1].path == folder:
            only = (*sources[-1].only, path.name)
            sources[-1] = _Source(folder, prefix, only)
        else:
            sources.append(_Source(folder, prefix, (path.name,)))
    return sources


def _files(tree: FileTree, form: Form, notes: list[str]) -> list[str]:
    """The pictures of a folder or archive; what is left out is added to the notes."""
    notes += tree.notes
    files = list(filter(is_image, tree.files))
    others = len(tree.files) - len(files)
    if others:
        notes.append(f"{tree.path}: {counted(others, 'file is', 'files are')} no picture, not read")
    if not form.keep_masks:
        pictures = without_masks(tree, files)
        files = pictures.files
        notes += [f"{note}; --keep-masks reads them as pictures" for note in pictures.notes]
    if not files:
        raise UserError(
            f"{tree.path} holds no picture (allowed: {', '.join(IMAGE_SUFFIXES)}); name files, "
            "folders or an archive of pictures"
        )
    return files
