"""Groups of images: the part, plate, wafer or coil that an image comes from.

Images of one group resemble each other more than others of their class. So a group never stands on
both sides, in support and query or in train and test.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import UserError

__all__ = ["apart_from", "grouped_by_name", "numbered"]

Indices = npt.NDArray[np.int64]


def numbered(names: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """The number of each name, (M,): names are numbered in the order in which they first appear."""
    numbers: dict[Hashable, int] = {}
    groups = [numbers.setdefault(name, len(numbers)) for name in names]
    return np.array(groups, dtype=np.int64)


def grouped_by_name(data: LabelledImages, group_by: str) -> LabelledImages:
    """`data` with the groups that a regular expression finds in the names of its files.

    The group of an image is what the capture groups of the expression hold, or the whole match if
    it has none. Raises `UserError` if the images have groups already, if it is no regular
    expression, if a file does not match, or if all images are in one group.
    """
    if data.groups is not None:
        raise UserError(
            f"--group-by '{group_by}' and {data.group_by} both make groups; leave one out "
            "(--label-columns group= reads no groups from a table)"
        )
    pattern = _compiled(group_by)
    names = [_group_name(pattern, file) for file in data.files]
    unmatched = [file for file, name in zip(data.files, names, strict=True) if not name]
    if unmatched:
        raise UserError(
            f"--group-by '{group_by}' finds no group in {len(unmatched)} of {len(names)} file "
            f"names, first in {unmatched[0]!r}; give a regular expression that matches every name"
        )
    groups = numbered(names)
    count = int(groups.max()) + 1
    if count == 1:
        raise UserError(
            f"--group-by '{group_by}' puts all {len(names)} images into one group, so no episode "
            f"has queries of another (a file name is {data.files[0]!r}); capture the part of the "
            "name that tells groups apart, in ( )"
        )
    notes = data.notes
    if count == len(names):
        note = f"--group-by '{group_by}' puts every image into a group of its own"
        notes = (*notes, f"{note}: no two of them are kept apart for it")
    return dataclasses.replace(data, groups=groups, group_by=group_by, notes=notes)


def apart_from(data: LabelledImages, images: Indices, others: Indices) -> Indices:
    """Those of `images` whose group holds none of `others`; all of them if there are no groups."""
    if data.groups is None:
        return images
    is_shared = np.isin(data.groups[images], data.groups[others])
    return images[~is_shared]


def _compiled(group_by: str) -> re.Pattern[str]:
    try:
        return re.compile(group_by)
    except re.error as error:
        raise UserError(
            f"--group-by '{group_by}' is no regular expression ({error}); write one such as "
            r"'(plate\d+)_'"
        ) from None


def _group_name(pattern: re.Pattern[str], file: str) -> tuple[str, ...]:
    """What tells the group of a file; () if the pattern finds nothing."""
    match = pattern.search(file)
    if match is None:
        return ()
    texts = match.groups(default="") if pattern.groups else (match.group(),)
    return texts if any(texts) else ()
