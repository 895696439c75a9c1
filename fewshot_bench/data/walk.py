"""All files below a folder: links are followed, once each, and folders of systems are left out."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fewshot_bench.data.reading import tell_reading
from fewshot_bench.errors import UserError

__all__ = ["Walk", "counted", "is_shown", "some", "walk"]

# what operating systems, file managers and network disks put beside the files of a user
SYSTEM_FOLDERS = (
    "__macosx",
    "@eadir",
    "@recycle",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "lost+found",
    "system volume information",
)
MOST_NAMED = 5  # names in one note


@dataclass
class Walk:
    """What lies below a folder. Names are relative to it, with `/`.

    empty: folders that hold nothing that is shown; outside, repeated, broken: links that lead out
    of the folder, to a folder that is read anyway or that holds the whole, or to no file.
    """

    files: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """What a user should know about the links."""
        notes = []
        if self.outside:
            notes.append(f"links lead out of the folder and were followed: {some(self.outside)}")
        if self.repeated:
            notes.append(
                "links to folders that are read anyway, or that hold the whole folder, were not "
                f"followed: {some(self.repeated)}"
            )
        if self.broken:
            notes.append(f"links that lead to no file were left out: {some(self.broken)}")
        return notes


def walk(folder: Path) -> Walk:
    """The files below a folder.

    Linked folders are followed, but no folder is read twice: so circles end, and a folder that
    lies below `folder` itself has its own name and not that of a link to it. Raises `UserError` if
    a folder cannot be read.
    """
    return _Walker(folder).run()


def is_shown(name: str) -> bool:
    """Whether neither the file nor a folder above it is hidden or belongs to a system."""
    for part in PurePosixPath(name).parts:
        if part.startswith(".") or part.casefold() in SYSTEM_FOLDERS:
            return False
    return True


def some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(names[:MOST_NAMED])
    others = len(names) - MOST_NAMED
    return f"{text} and {others} more" if others > 0 else text


def counted(count: int, one: str, more: str) -> str:
    """The number with the words for one or for several, such as "image is" and "images are"."""
    return f"{count:,} {one if count == 1 else more}"


class _Walker:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.found = Walk()
        self.read: set[str] = set()  # real paths of folders
        self.links: deque[str] = deque()  # to folders

    def run(self) -> Walk:
        self._read_tree("", self.real_root)
        while self.links:  # after all real folders, which keep their own names
            link = self.links.popleft()
            target = os.path.realpath(self.root / link)
            is_circle = Path(self.real_root).is_relative_to(target)
            if target in self.read or is_circle:
                self.found.repeated.append(link)
                continue
            self._note_outside(link, target)
            self._read_tree(link, target)
        return self.found

    def _read_tree(self, name: str, real: str) -> None:
        waiting = [(name, real)]
        while waiting:
            name, real = waiting.pop()
            if real in self.read:
                self.found.repeated.append(name)
                continue
            self.read.add(real)
            waiting += self._read_folder(name, real)
            tell_reading("listing", len(self.found.files))

    def _read_folder(self, name: str, real: str) -> list[tuple[str, str]]:
        """(name, real path) of each folder that lies in this one. Files and links are noted."""
        folders = []
        is_empty = True
        for entry in self._entries(name):
            if not is_shown(entry.name):
                continue
            is_empty = False
            below = f"{name}/{entry.name}" if name else entry.name
            if entry.is_symlink():
                self._note_link(below)
            elif entry.is_dir():
                folders.append((below, f"{real}{os.sep}{entry.name}"))
            elif entry.is_file():
                self.found.files.append(below)
        if is_empty and name:
            self.found.empty.append(name)
        return folders

    def _entries(self, name: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / name) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise UserError(
                f"{self.root / name} cannot be read ({error.strerror}); make it readable, or "
                "move it elsewhere"
            ) from None

    def _note_link(self, name: str) -> None:
        path = self.root / name
        if path.is_dir():
            self.links.append(name)
        elif path.is_file():
            self.found.files.append(name)
            self._note_outside(name, os.path.realpath(path))
        else:
            self.found.broken.append(name)

    def _note_outside(self, name: str, target: str) -> None:
        if not Path(target).is_relative_to(self.real_root):
            self.found.outside.append(name)
