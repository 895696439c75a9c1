"""Labelled pictures of known classes and of new ones."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.layout import alike_notes
from fewshot_bench.data.walk import counted, some
from fewshot_bench.deploy.pictures import Form, in_form
from fewshot_bench.errors import UserError
from fewshot_bench.files import user_path
from fewshot_bench.planning.resolve import resolve_data
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

__all__ = ["References", "pixels_of", "read_references"]


@dataclass(frozen=True, eq=False)
class References:
    """Pictures of known classes, all of which are references, and the few of new ones.

    One of the two may be missing. notes: what was left out or changed as they were read.
    """

    known: LabelledImages | None
    new: LabelledImages | None
    form: Form
    notes: tuple[str, ...]

    @property
    def sets(self) -> list[LabelledImages]:
        """The known ones, then the new ones."""
        return [images for images in (self.known, self.new) if images is not None]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Known classes, then new ones."""
        names: list[str] = []
        for images in self.sets:
            names += images.class_names
        return tuple(names)

    @property
    def known_classes(self) -> int:
        """How many classes are known."""
        return 0 if self.known is None else len(self.known.class_names)


def read_references(
    known: Path | str | None, new: Path | str | None, request: Request, registry: Registry
) -> References:
    """The references in folders or archives with one folder a class.

    request: how they are read (`class_level`, of the known ones, `fit`, `keep_masks`). Raises
    `UserError` where there are fewer than two classes, where a class or picture stands in both, and
    what reading a data set raises.
    """
    if known is None and new is None:
        raise UserError("no class is named; name a folder with --known, or --new, or both")
    notes: list[str] = []
    of_known = None
    if known is not None:
        of_known = _read(user_path(known), request, registry)
        notes += _notes_of("known", of_known)
    of_new = None
    if new is not None:
        changes = dataclasses.replace(request, class_level=None, dataset="folder")
        if of_known is not None:
            side = str(of_known.images.shape[-1])
            settings = {**request.settings, "folder.side": side}
            changes = dataclasses.replace(changes, settings=settings)
        of_new = _read(user_path(new), changes, registry)
        notes += _notes_of("new", of_new)
    first = of_new if of_known is None else of_known
    assert first is not None
    form = Form(
        side=first.images.shape[-1],
        channels=first.images.shape[1],
        fit=request.fit or "squash",
        keep_masks=bool(request.keep_masks),
    )
    if of_known is not None and of_new is not None:
        _refuse_classes_in_both(of_known, of_new)
        changed = in_form(of_new.images, form, notes)
        of_new = dataclasses.replace(of_new, images=changed)
        _refuse_pictures_in_both(of_known, of_new)
    references = References(of_known, of_new, form, tuple(notes))
    names = references.class_names
    if len(names) < 2:
        raise UserError(
            f"{names[0]!r} is the only class, and there is nothing to tell it from; name a folder "
            "with more classes with --known or --new"
        )
    return references


def pixels_of(images: LabelledImages) -> list[bytes]:
    """A digest of the pixels of each picture."""
    return [hashlib.sha256(pixels.tobytes()).digest() for pixels in images.images]


def _read(path: Path, request: Request, registry: Registry) -> LabelledImages:
    source = dataclasses.replace(request, data=path)
    images = resolve_data(source, registry).data
    height, width = images.images.shape[2:]
    if height != width:
        raise UserError(f"{path}: its pictures have {width} x {height} pixels and must be squares")
    return images


def _notes_of(which: str, images: LabelledImages) -> list[str]:
    """What a user should know of references that were read."""
    notes = [f"{which} classes: {note}" for note in images.notes]
    if images.dropped:
        count = counted(len(images.dropped), "copy", "copies")
        files = some([copy for copy, _ in images.dropped])
        notes.append(f"{which} classes: {count} of an earlier picture left out: {files}")
    if images.contradictions:
        count = counted(len(images.contradictions), "picture lies", "pictures lie")
        files = some([copies[0][0] for copies in images.contradictions])
        notes.append(f"{which} classes: {count} in several classes, and left out: {files}")
    return notes


def _refuse_classes_in_both(known: LabelledImages, new: LabelledImages) -> None:
    """Raise `UserError` for a class that is known and new, by its name or one spelled alike."""
    for name in new.class_names:
        for other in known.class_names:
            if name == other or alike_notes((name, other)):
                spelled = "" if name == other else f" as {other!r}"
                raise UserError(
                    f"class {name!r} of --new is in --known too{spelled}; move its pictures there, "
                    "or give it another name"
                )


def _refuse_pictures_in_both(known: LabelledImages, new: LabelledImages) -> None:
    """Raise `UserError` for a picture that is a reference of a known class and of a new one."""
    at = {pixels: index for index, pixels in enumerate(pixels_of(known))}
    for index, pixels in enumerate(pixels_of(new)):
        if pixels in at:
            earlier = at[pixels]
            raise UserError(
                f"{new.files[index]} ({new.class_names[new.labels[index]]}) of --new is the "
                f"picture {known.files[earlier]} ({known.class_names[known.labels[earlier]]}) of "
                "--known; keep each picture in one class"
            )
