"""What a file is that is no archive that can be read, and what to do with it."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["POINTER", "head_of", "what_it_is"]

POINTER = b"version https://git-lfs.github.com/spec/"  # the text that git-lfs leaves for a file
HEAD = 512  # bytes

UNPACK = "unpack it and name the folder, or pack it as .zip"
PICTURE = "one picture; name the folder or archive that holds the classes"
PICKLE = "a pickle, and reading one can run any code; save what is in it as pictures or as .npz"
PAGE = "a web page and not the data; download the file behind its link"
POINTED = "a pointer of git-lfs and not the data; run git lfs pull in its checkout"
# how a file begins -> what it is and what to do
KINDS = {
    b"Rar!\x1a\x07": f"a RAR archive, which cannot be read here; {UNPACK}",
    b"7z\xbc\xaf\x27\x1c": f"a 7z archive, which cannot be read here; {UNPACK}",
    b"\x28\xb5\x2f\xfd": f"packed with Zstandard, which cannot be read here; {UNPACK}",
    b"MSCF": f"a CAB archive, which cannot be read here; {UNPACK}",
    b"\x1f\x8b": f"packed with gzip, and no tar is in it; {UNPACK}",
    b"\xfd7zXZ\0": f"packed with xz, and no tar is in it; {UNPACK}",
    b"BZh": f"packed with bzip2, and no tar is in it; {UNPACK}",
    POINTER: POINTED,
    b"\x89PNG": PICTURE,
    b"\xff\xd8\xff": PICTURE,
    b"BM": PICTURE,
    b"GIF8": PICTURE,
    b"II*\0": PICTURE,
    b"MM\0*": PICTURE,
    b"\x89HDF": "an HDF5 file, which cannot be read here; save its pictures in class folders",
    b"MATLAB": "a MATLAB file, which cannot be read here; save its pictures in class folders",
    b"PAR1": "a Parquet file, which cannot be read here; save its pictures in class folders",
    b"\x93NUMPY": "one array without labels; name a folder or archive with a folder for each class",
    b"%PDF": "a PDF; name a folder or archive of pictures",
    b"<!doctype html": PAGE,
    b"<html": PAGE,
}
BINARY_PICKLE = re.compile(rb"\x80[\x02-\x05]")
PICKLE_SUFFIXES = (".pkl", ".pickle", ".pk")
# one part of several, as zip, 7-Zip and WinRAR name them
PART = re.compile(r".*\.(z[0-9]{2}|[0-9]{3}|part[0-9]+\.rar)", re.IGNORECASE)


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(HEAD)


def what_it_is(path: Path) -> str:
    """What a file is, and what to do, as "a RAR archive ...; unpack it ..."; empty if unknown."""
    head = head_of(path)
    if not head:
        return "empty; download or copy it once more"
    if PART.fullmatch(path.name):
        return "one part of a split archive; join the parts, and name the whole"
    beginning = head.lstrip().lower()
    for start, text in KINDS.items():
        if head.startswith(start) or beginning.startswith(start):
            return text
    if BINARY_PICKLE.match(head) or path.suffix.lower() in PICKLE_SUFFIXES:
        return PICKLE
    return ""
