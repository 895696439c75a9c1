"""What a request does with near-duplicates: keep, drop, group or report them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.data.near_duplicates import NearDuplicates, near_duplicates
from fewshot_bench.errors import UserError, unknown

__all__ = ["AS_GROUPS", "DISTINCT", "MODES", "ChosenImages", "chosen_images"]

KEEP = "keep"
DROP = "drop"
GROUP = "group"
REPORT = "report"
MODES = (KEEP, DROP, GROUP, REPORT)
AS_GROUPS = "near-duplicates"  # where the groups of such images come from
DISTINCT = "-distinct"  # ends the name of a data set without its near-duplicates


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """The images that episodes are drawn from.

    near_duplicates: how many images are near-duplicates of an earlier one of their class, None if
    they were not searched; dropped: how many of them were left out; notes: what the user should
    know of them.
    """

    data: LabelledImages
    near_duplicates: int | None = None
    dropped: int = 0
    notes: tuple[str, ...] = ()


def chosen_images(data: LabelledImages, mode: str) -> ChosenImages:
    """The images without near-duplicates if `mode` is drop, else all.

    Of each cluster in a class the first image stays, or with the mode group the images of each
    cluster become a group. Pairs in two classes stay. Raises `UserError` for an unknown mode, and
    for the mode group if the images have groups already.
    """
    if mode not in MODES:
        raise unknown("value of --near-duplicates", mode, MODES)
    if mode == KEEP:
        return ChosenImages(data)
    if mode == GROUP and data.groups is not None:
        raise UserError(
            f"--near-duplicates group and the groups by '{data.group_by}' exclude each other; "
            "leave out one of them"
        )
    found = near_duplicates(data)
    later = found.later
    notes = found.notes
    if len(later):
        notes.append(_note(data, found, mode))
    across = len(found.across)
    if across:
        pairs = (
            "1 pair of near-duplicates lies"
            if across == 1
            else f"{across} pairs of near-duplicates lie"
        )
        notes.append(f"{pairs} in two classes; bench data names them")
    if mode == GROUP and len(later):
        grouped = dataclasses.replace(data, groups=found.clusters, group_by=AS_GROUPS)
        return ChosenImages(grouped, len(later), notes=tuple(notes))
    if mode == REPORT or not len(later):
        return ChosenImages(data, len(later), notes=tuple(notes))
    kept = np.setdiff1d(np.arange(len(data)), later)
    distinct = data.subset(data.class_names, kept)
    named = dataclasses.replace(distinct, name=f"{data.name}{DISTINCT}")
    return ChosenImages(named, len(later), len(later), tuple(notes))


def _note(data: LabelledImages, found: NearDuplicates, mode: str) -> str:
    of_classes = []
    for label, name in enumerate(data.class_names):
        count = found.later_in(label)
        if count:
            of_classes.append(f"{name} {count}")
    text = (
        f"{len(found.later)} of {len(data)} images are near-duplicates of an earlier image of "
        f"their class ({', '.join(of_classes)})"
    )
    if mode == DROP:
        return f"{text} and were left out"
    if mode == GROUP:
        return f"{text} and are never in support and queries at once"
    return (
        f"{text}; two of one group can be support and query, or train and test image, at once, "
        "so accuracies can be off and intervals are too narrow: "
        "--near-duplicates drop leaves them out, group keeps them apart, bench data --show draws "
        "them"
    )
