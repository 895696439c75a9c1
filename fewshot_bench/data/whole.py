"""Published data sets: whether their files are given, and whether they are all there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fewshot_bench.data.tree import FileTree
from fewshot_bench.data.walk import some
from fewshot_bench.errors import UserError

__all__ = ["check_counts", "given_tree", "refuse_incomplete"]


def given_tree(name: str, path: Path | None, get_it: str) -> FileTree:
    """The files of a published data set, to be used in a `with` statement.

    name: of the data set; get_it: how to get it, from its card. Raises `UserError` without a path,
    and as `FileTree` does.
    """
    if path is None:
        raise UserError(
            f"{name} needs its data: {get_it}, or put it into the folder $FEWSHOT_BENCH_DATA"
        )
    return FileTree(path)


def check_counts(
    tree: FileTree, title: str, counts: Mapping[str, int], expected: Mapping[str, int | range]
) -> None:
    """Raise `UserError` if something of a data set is not there as often as it should be.

    title: of the data set, for the message; counts: of images, by class, or by another name that a
    message can begin with; expected: how many there should be, exactly or in a range.
    """
    wrong = []
    for name, number in expected.items():
        count = counts.get(name, 0)
        allowed = range(number, number + 1) if isinstance(number, int) else number
        if count not in allowed:
            wrong.append(f"{name} has {count} images (expected {_bounds(allowed)})")
    refuse_incomplete(tree, title, wrong)


def refuse_incomplete(tree: FileTree, title: str, wrong: Iterable[str]) -> None:
    """Raise `UserError` if something is wrong with the files of a data set. wrong: what it is."""
    texts = list(wrong)
    if texts:
        raise UserError(
            f"{tree.path} is not the whole {title} set: {some(texts)}; name one complete copy with "
            "--data, or read what is there with --dataset folder"
        )


def _bounds(allowed: range) -> str:
    if len(allowed) == 1:
        return f"{allowed.start:,}"
    return f"{allowed.start:,} to {allowed.stop - 1:,}"
